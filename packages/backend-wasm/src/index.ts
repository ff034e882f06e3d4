export type { EngineReport } from './init.ts';
export { init } from './init.ts';
