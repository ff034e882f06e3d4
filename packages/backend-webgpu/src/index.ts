export { DeviceError, DeviceLostError, DeviceMemoryError } from './errors.ts';
export type { AdapterReport, EngineReport, InitOptions, Obstacle } from './init.ts';
export { findAdapter, init, startWebgpu } from './init.ts';
export type { DeviceLimits } from './program.ts';
