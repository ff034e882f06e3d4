export { DeviceError, DeviceLostError, DeviceMemoryError } from './errors.ts';
export type { AdapterReport, EngineReport, InitOptions } from './init.ts';
export { findAdapter, init } from './init.ts';
export type { DeviceLimits } from './program.ts';
