export type { EngineReport, InitOptions } from './init.ts';
export { init } from './init.ts';
