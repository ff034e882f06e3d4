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
import { withoutGradient } from '@vqkit/core-tensor';

/**
 * x / |x| along an axis. Where |x| <= 1e-12 there is no direction: 0, with no gradient (the reference library divides by 1e-12, and
 * multiplies the gradient by 1e12).
 */
export function unitLength<T extends Tensor>(x: T, axis: number): T {
  const squared = sum(square(x), axis, true);
  const long = withoutGradient(() => greater(squared, scalar(1e-24)));
  const safe = select(long, squared, onesLike(squared));
  return mul(x, select(long, rsqrt(safe), zerosLike(squared))) as T;
}
