export type { NodeEngine, NodeEngineReport, NodeInitOptions, NotChosen } from './init.ts';
export { init } from './init.ts';
export type { NativeEngine, Obstacle } from './native/start.ts';
export { findNative, startNative } from './native/start.ts';
