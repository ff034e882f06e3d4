import { div, mul, type Tensor2D, tensor1d } from '@tensorflow/tfjs-core';
import { type Quantizer, requireOption, requirePositive } from '@vqkit/core-tensor';

/** The scale of one layer: one number, or one per feature. */
export type LayerScale = number | readonly number[];

/** x / s and x · s; the identity, at no cost, where every s is 1. */
export interface Scaling {
  /** Whether every s is 1. */
  readonly isOne: boolean;
  down(x: Tensor2D): Tensor2D;
  up(x: Tensor2D): Tensor2D;
}

/** One layer at its scale. */
export interface ScaledLayer {
  readonly layer: Quantizer;
  readonly scale: Scaling;
}

const none: Scaling = { isOne: true, down: (x) => x, up: (x) => x };

export function createScaling(scale: LayerScale): Scaling {
  const values = typeof scale === 'number' ? [scale] : [...scale];
  if (values.every((value) => value === 1)) return none;
  return {
    isOne: false,
    down: (x) => div(x, tensor1d(values)),
    up: (x) => mul(x, tensor1d(values)),
  };
}

export function requireScales(where: string, scales: readonly LayerScale[], count: number, dim: number): void {
  requireOption(
    Array.isArray(scales) && scales.length === count,
    where,
    'scales',
    `a list of ${count}, one per layer`,
    scales,
    'Leave it out for 1.',
  );
  for (const [j, scale] of scales.entries()) {
    if (typeof scale === 'number') {
      requirePositive(where, `scales[${j}]`, scale);
      continue;
    }
    const rule = `a number > 0 or a list of ${dim}, one per feature`;
    requireOption(Array.isArray(scale) && scale.length === dim, where, `scales[${j}]`, rule, scale, 'Pass one number.');
    for (const [i, value] of scale.entries()) requirePositive(where, `scales[${j}][${i}]`, value);
  }
}
