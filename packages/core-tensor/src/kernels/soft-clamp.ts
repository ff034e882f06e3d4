import { div, mul, square, sub, type Tensor, type Tensor2D, tanh, tensor1d } from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.ts';

interface SoftClampAttrs {
  /** v > 0: one number, or one per feature. */
  readonly limits: readonly number[];
}

const SoftClamp = defineKernel<{ x: Tensor2D }, SoftClampAttrs, [Tensor2D]>({
  name: 'SoftClamp',
  reference: ({ x }, { limits }) => {
    const v = tensor1d([...limits]);
    return [mul(tanh(div(x, v)), v)];
  },
  outputsToSave: [true],
  gradient: ([dy], [y], { limits }) => ({
    x: () => SoftClampGrad({ dy: dy as Tensor2D, y: y as Tensor2D }, { limits })[0],
  }),
});

const SoftClampGrad = defineKernel<{ dy: Tensor2D; y: Tensor2D }, SoftClampAttrs, [Tensor2D]>({
  name: 'SoftClampGrad',
  reference: ({ dy, y }, { limits }) => [mul(dy as Tensor, sub(1, square(div(y, tensor1d([...limits]))))) as Tensor2D],
});

/**
 * `v tanh(x / v)` of [N, d]: the identity near 0, within ±v.
 *
 * Gradient: `1 - tanh²(x / v)`. ±Infinity give ±v, NaN stays.
 *
 * @param limits v, float32: one number, or one per feature.
 * @example
 * softClamp(tf.tensor2d([[0.1, 100]]), [2]); // [[0.0999, 2]]
 */
export function softClamp(x: Tensor2D, limits: readonly number[]): Tensor2D {
  return SoftClamp({ x }, { limits })[0];
}
