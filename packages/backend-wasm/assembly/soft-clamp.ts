import { expMinusOneOfRest, exponentBits } from './exp';
import { loadColumns, storeColumns } from './store';

/**
 * tanh of four lanes, relative error below 3e-7 for numbers of any size: with m = e^(-2|x|) - 1, -m / (2 + m). The digits of a small m are
 * kept because m is never a difference near 0. NaN stays, and so does the sign of 0.
 */
export function tanh(x: v128): v128 {
  const t = f32x4.pmin(f32x4.mul(f32x4.abs(x), f32x4.splat(2)), f32x4.splat(40));
  const bits = exponentBits(t);
  const part = expMinusOneOfRest(t, bits);
  const power = i32x4.sub(f32x4.splat(1), i32x4.shl(bits, 23));
  const m = f32x4.add(f32x4.mul(part, power), f32x4.sub(power, f32x4.splat(1)));
  const size = f32x4.div(f32x4.neg(m), f32x4.add(f32x4.splat(2), m));
  return v128.or(f32x4.abs(size), v128.and(x, f32x4.splat(-0.0)));
}

/**
 * v tanh(x / v) of rows of `dim` elements. The table has v of the `dim` vectors of four rows. Units: groups of four rows; the last may be
 * partial.
 */
export function softClamp(
  x: usize,
  y: usize,
  table: usize,
  rows: i32,
  dim: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const entries = table + ((<usize>dim) << 4);
  const stop = min(end << 2, rows) * dim;
  let entry = table;
  for (let i = (begin << 2) * dim; i < stop; i += 4) {
    const at = (<usize>i) << 2;
    const count = min(4, stop - i);
    const v = v128.load(entry);
    const clamped = f32x4.mul(tanh(f32x4.div(loadColumns(x + at, count), v)), v);
    storeColumns(y + at, clamped, clamped, count);
    entry += 16;
    if (entry === entries) entry = table;
  }
}

/** dy (1 - (y / v)²), as {@link softClamp}. */
export function softClampGrad(
  dy: usize,
  y: usize,
  dx: usize,
  table: usize,
  rows: i32,
  dim: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const entries = table + ((<usize>dim) << 4);
  const stop = min(end << 2, rows) * dim;
  let entry = table;
  for (let i = (begin << 2) * dim; i < stop; i += 4) {
    const at = (<usize>i) << 2;
    const count = min(4, stop - i);
    const t = f32x4.div(loadColumns(y + at, count), v128.load(entry));
    const slope = f32x4.sub(f32x4.splat(1), f32x4.mul(t, t));
    storeColumns(dx + at, f32x4.mul(loadColumns(dy + at, count), slope), slope, count);
    entry += 16;
    if (entry === entries) entry = table;
  }
}
