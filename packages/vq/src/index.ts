export type { VqConfig, VqOptions } from './options.ts';
export type { Vq, VqLoss, VqQuantizeOptions } from './vq.ts';
export { createVq } from './vq.ts';
