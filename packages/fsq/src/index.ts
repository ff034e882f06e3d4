export type { Fsq } from './fsq.ts';
export { createFsq } from './fsq.ts';
export type { FsqBound } from './levels.ts';
export { fsqAttrs } from './levels.ts';
export type { FsqConfig, FsqOptions } from './options.ts';
export { fsqThresholds } from './thresholds.ts';
