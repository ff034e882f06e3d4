export type { Lfq, LfqQuantizeOptions } from './lfq.ts';
export { createLfq } from './lfq.ts';
export type { LfqLoss } from './loss.ts';
export type { BitOrder, LfqConfig, LfqOptions, SphericalGradient, StraightThroughActivation } from './options.ts';
