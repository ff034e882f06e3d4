export type { Fsq, FsqConfig, FsqOptions } from './fsq.ts';
export { createFsq } from './fsq.ts';
export { fsqThresholds } from './levels.ts';
