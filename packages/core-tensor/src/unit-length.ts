import {
  abs,
  customGrad,
  div,
  fill,
  greater,
  less,
  max,
  mul,
  onesLike,
  rsqrt,
  where as select,
  square,
  sub,
  type Tensor,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { defineKernel } from './kernel.ts';
import { sum } from './kernels/reduce.ts';
import { readNow } from './read-now.ts';

/** The square of the length up to which there is no direction. */
const NO_DIRECTION = 1e-24;
/** Above this magnitude a vector is scaled down, exactly, so that its square stays in float32. */
const LARGE = 2 ** 48;
const DOWN = 2 ** -78;

/**
 * x / |x| along an axis, for lengths up to the largest float32. Where |x| <= 1e-12 there is no direction: 0, with no gradient (the
 * reference library divides by 1e-12, and multiplies the gradient by 1e12). A vector with a NaN or an infinity has a NaN.
 *
 * @param x float32, any shape with that axis.
 * @example
 * unitLength(tf.tensor2d([[3, 4], [0, 0]]), 1); // [[0.6, 0.8], [0, 0]]
 */
export function unitLength<T extends Tensor>(x: T, axis: number): T {
  const unit = customGrad((given, save) => {
    const [x, keep] = [given, save] as unknown as [Tensor, (tensors: Tensor[]) => void];
    const [value] = UnitLength({ x }, { axis });
    keep([x, value]);
    return { value, gradFunc: (dy, saved) => backward(dy, saved as [Tensor, Tensor], axis) };
  });
  return unit(x) as T;
}

const UnitLength = defineKernel<{ x: Tensor }, { axis: number }, [Tensor]>({
  name: 'UnitLength',
  reference: ({ x }, { axis }) => [forward(x, axis)],
});

function forward(x: Tensor, axis: number): Tensor {
  const plain = sum(square(x), axis, true);
  const ordinary = isOrdinary(plain, LARGE ** 2);
  const scaled = ordinary ? x : mul(x, scaleOf(x, axis));
  const squared = ordinary ? plain : sum(square(scaled), axis, true);
  const long = greater(squared, NO_DIRECTION);
  return mul(scaled, select(long, rsqrt(select(long, squared, onesLike(squared))), zerosLike(squared)));
}

/** (g - û ⟨û, g⟩) / |x| */
function backward(g: Tensor, [x, unit]: [Tensor, Tensor], axis: number): Tensor {
  const across = sub(g, mul(unit, sum(mul(unit, g), axis, true)));
  const over = (length: Tensor): Tensor => {
    const long = greater(length, 0);
    return mul(across, select(long, div(1, select(long, length, onesLike(length))), zerosLike(length)));
  };
  const length = sum(mul(x, unit), axis, true);
  if (isOrdinary(length, LARGE)) return over(length);
  const scale = scaleOf(x, axis);
  return mul(over(sum(mul(mul(x, scale), unit), axis, true)), scale);
}

/** Whether all are known to be small, so that scaling, which would be by 1, can be left out. */
function isOrdinary(sizes: Tensor, limit: number): boolean {
  return readNow(less(max(sizes), limit))?.[0] === 1;
}

/** A power of two for each vector: 1 but for the large. */
function scaleOf(x: Tensor, axis: number): Tensor {
  const large = greater(max(abs(x), axis, true), LARGE);
  return select(large, fill(large.shape, DOWN), fill(large.shape, 1));
}
