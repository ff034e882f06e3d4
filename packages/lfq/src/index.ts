export type { BitOrder, StraightThroughActivation } from './code-options.ts';
export type { Lfq, LfqQuantizeOptions } from './lfq.ts';
export { createLfq } from './lfq.ts';
export type { LfqLoss } from './loss.ts';
export type { LfqConfig, LfqOptions, SphericalGradient } from './options.ts';
