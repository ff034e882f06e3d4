import { type Tensor2D, tensor } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';

export const TRAIN = { training: true } as const;

/** Normal tokens [n, dim]. */
export function normal(n: number, dim: number, seed: number, stddev = 1): Tensor2D {
  return tensor(createRng(seed).normalArray(n * dim, stddev), [n, dim]);
}
