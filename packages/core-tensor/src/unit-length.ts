import {
  greater,
  mul,
  onesLike,
  rsqrt,
  scalar,
  where as select,
  square,
  sum,
  type Tensor,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { withoutGradient } from './autodiff.ts';

/**
 * x / |x| along an axis. Where |x| <= 1e-12 there is no direction: 0, with no gradient (the reference library divides by 1e-12, and
 * multiplies the gradient by 1e12).
 *
 * @param x float32, any shape with that axis.
 * @example
 * unitLength(tf.tensor2d([[3, 4], [0, 0]]), 1); // [[0.6, 0.8], [0, 0]]
 */
export function unitLength<T extends Tensor>(x: T, axis: number): T {
  const squared = sum(square(x), axis, true);
  const long = withoutGradient(() => greater(squared, scalar(1e-24)));
  const safe = select(long, squared, onesLike(squared));
  return mul(x, select(long, rsqrt(safe), zerosLike(squared))) as T;
}
