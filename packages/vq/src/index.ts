export type { VqLoss } from './loss.ts';
export type { VqConfig, VqOptions } from './options.ts';
export type { Vq, VqQuantizeOptions } from './vq.ts';
export { createVq } from './vq.ts';
