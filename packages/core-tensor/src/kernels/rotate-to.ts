import {
  abs,
  add,
  cast,
  div,
  greater,
  logicalAnd,
  max,
  maximum,
  minimum,
  mul,
  onesLike,
  where as select,
  sqrt,
  square,
  sub,
  type Tensor,
  type Tensor2D,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.ts';
import { sum } from './reduce.ts';

/** Below this length of û + q̂ (2 cos of half the angle) float32 no longer tells the plane of the rotation. */
const OPPOSITE = 1e-4;

const RotateToGrad = defineKernel<{ dy: Tensor2D; x: Tensor2D; q: Tensor2D }, { maxScale: number }, [dx: Tensor2D]>({
  name: 'RotateToGrad',
  reference: ({ dy, x, q }, { maxScale }) => [rotateBack(dy, x, q, maxScale) as Tensor2D],
});

const RotateTo = defineKernel<{ x: Tensor2D; q: Tensor2D }, { maxScale: number }, [Tensor2D]>({
  name: 'RotateTo',
  reference: ({ q }) => [q.clone()],
  inputsToSave: ['x', 'q'],
  gradient: ([dy], [x, q], { maxScale }) => ({
    x: () => RotateToGrad({ dy: dy as Tensor2D, x: x as Tensor2D, q: q as Tensor2D }, { maxScale })[0],
    q: () => zerosLike(dy as Tensor),
  }),
});

/**
 * The rotation trick on rows: the value is q, exactly; the gradient to x is `λ Rᵀ g`, with R the rotation in the plane of x and
 * q that takes the direction of x to that of q and λ = min(|q| / |x|, maxScale). None to q.
 *
 * Where no such rotation exists (x = 0, q = 0, q opposite to x) the gradient is straight-through: g.
 */
export function rotateRowsTo(x: Tensor2D, q: Tensor2D, maxScale: number): Tensor2D {
  return RotateTo({ x, q }, { maxScale })[0];
}

/**
 * λ Rᵀ g. A rotation by the angle between û and q̂ is two reflections, R = (I - 2wwᵀ)(I - 2ûûᵀ) with w = unit(û + q̂), so that
 * Rᵀ g = h - 2(h·û)û with h = g - 2(g·w)w: the same as g - 2(g·w)w + 2(g·q̂)û, but of length |g| whatever the rounding of w.
 */
function rotateBack(g: Tensor, x: Tensor2D, q: Tensor2D, maxScale: number): Tensor {
  const from = directionOf(x);
  const to = directionOf(q);
  const middle = add(from.unit, to.unit);
  const length = sqrt(rowSum(square(middle)));
  const defined = logicalAnd(logicalAnd(greater(from.norm, 0), greater(to.norm, 0)), greater(length, OPPOSITE));
  const w = div(middle, aboveZero(length));
  const twice = mul(cast(defined, 'float32'), 2);
  const h = sub(g, mul(mul(twice, rowSum(mul(g, w))), w));
  const back = sub(h, mul(mul(twice, rowSum(mul(h, from.unit))), from.unit));
  const ratio = mul(div(to.peak, from.peak), div(to.norm, aboveZero(from.norm)));
  return mul(select(defined, minimum(ratio, maxScale), onesLike(ratio)), back);
}

/** Each row divided by its largest magnitude before its length is taken, which then neither underflows nor overflows. */
function directionOf(rows: Tensor2D): { unit: Tensor; norm: Tensor; peak: Tensor } {
  const peak = aboveZero(max(abs(rows), 1, true));
  const scaled = div(rows, peak);
  const norm = sqrt(rowSum(square(scaled)));
  return { unit: div(scaled, aboveZero(norm)), norm, peak };
}

/** For a divisor: 0 becomes the smallest normal float32. */
function aboveZero(values: Tensor): Tensor {
  return maximum(values, 2 ** -126);
}

function rowSum(values: Tensor): Tensor {
  return sum(values, 1, true);
}
