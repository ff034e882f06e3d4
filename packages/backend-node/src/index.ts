export type { NodeEngine, NodeEngineReport, NodeInitOptions, NotChosen } from './init.ts';
export { init } from './init.ts';
export type { Obstacle } from './native.ts';
export { startNative } from './native.ts';
