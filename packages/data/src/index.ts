export type { BatchOrder } from './batches.ts';
export { createBatchOrder } from './batches.ts';
export { LONGEST_SIDE, requireDivisible } from './divisible.ts';
export type { Digest, Images } from './images.ts';
export { createImages } from './images.ts';
export { Interrupted, letSignalsIn } from './let-signals-in.ts';
export type { Source } from './source.ts';
export type { VectorSet, Vectors } from './vector-set.ts';
export { createVectorSet } from './vector-set.ts';
