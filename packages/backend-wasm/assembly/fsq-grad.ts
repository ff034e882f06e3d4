import { loadColumns, storeColumns } from './store';

/** 1.5 · 2^23: adding it to a number near 0 leaves the nearest whole number in the lowest bits. */
const ROUND: f32 = 12582912;
const TWO_LOG2E: f32 = 2.8853900817779268;
/** 2^-f = 1 + c1 f + … + c5 f^5 for |f| <= ½, relative error 1e-7. */
const C1: f32 = -0.693147;
const C2: f32 = 0.24022242;
const C3: f32 = -5.5507336e-2;
const C4: f32 = 9.671513e-3;
const C5: f32 = -1.3264728e-3;

/**
 * dz = dy · slope_i · (1 - tanh²(z + shift_i)) of tokens with `dim` features. The table holds, for each of the `dim` vectors of four
 * tokens, its four shifts and its four slopes. Units: groups of four tokens; the last may be partial.
 */
export function fsqQuantizeGrad(
  dy: usize,
  z: usize,
  dz: usize,
  table: usize,
  tokens: i32,
  dim: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const entries = table + ((<usize>dim) << 5);
  const stop = min(end << 2, tokens) * dim;
  let entry = table;
  // Two vectors at a time, because V8 builds each constant anew in every round of a loop.
  for (let i = (begin << 2) * dim; i < stop; i += 8) {
    const at = (<usize>i) << 2;
    const count = min(8, stop - i);
    const y0 = f32x4.add(loadColumns(z + at, count), v128.load(entry));
    const slope0 = v128.load(entry, 16);
    entry += 32;
    if (entry === entries) entry = table;
    const y1 = f32x4.add(loadColumns(z + at + 16, count - 4), v128.load(entry));
    const slope1 = v128.load(entry, 16);
    entry += 32;
    if (entry === entries) entry = table;
    // 1 - tanh² y = 4e / (1 + e)² with e = exp(-2 |y|) = 2^-x = 2^-n 2^-f: no digit is lost far out.
    const x0 = f32x4.mul(f32x4.abs(y0), f32x4.splat(TWO_LOG2E));
    const x1 = f32x4.mul(f32x4.abs(y1), f32x4.splat(TWO_LOG2E));
    const n0 = f32x4.add(x0, f32x4.splat(ROUND));
    const n1 = f32x4.add(x1, f32x4.splat(ROUND));
    const f0 = f32x4.sub(x0, f32x4.sub(n0, f32x4.splat(ROUND)));
    const f1 = f32x4.sub(x1, f32x4.sub(n1, f32x4.splat(ROUND)));
    let p0 = f32x4.add(f32x4.mul(f0, f32x4.splat(C5)), f32x4.splat(C4));
    let p1 = f32x4.add(f32x4.mul(f1, f32x4.splat(C5)), f32x4.splat(C4));
    p0 = f32x4.add(f32x4.mul(p0, f0), f32x4.splat(C3));
    p1 = f32x4.add(f32x4.mul(p1, f1), f32x4.splat(C3));
    p0 = f32x4.add(f32x4.mul(p0, f0), f32x4.splat(C2));
    p1 = f32x4.add(f32x4.mul(p1, f1), f32x4.splat(C2));
    p0 = f32x4.add(f32x4.mul(p0, f0), f32x4.splat(C1));
    p1 = f32x4.add(f32x4.mul(p1, f1), f32x4.splat(C1));
    p0 = f32x4.add(f32x4.mul(p0, f0), f32x4.splat(1));
    p1 = f32x4.add(f32x4.mul(p1, f1), f32x4.splat(1));
    const e0 = v128.andnot(i32x4.sub(p0, i32x4.shl(n0, 23)), f32x4.gt(x0, f32x4.splat(100)));
    const e1 = v128.andnot(i32x4.sub(p1, i32x4.shl(n1, 23)), f32x4.gt(x1, f32x4.splat(100)));
    const r0 = f32x4.div(f32x4.splat(2), f32x4.add(f32x4.splat(1), v128.or(e0, f32x4.ne(x0, x0))));
    const r1 = f32x4.div(f32x4.splat(2), f32x4.add(f32x4.splat(1), v128.or(e1, f32x4.ne(x1, x1))));
    const d0 = f32x4.mul(slope0, f32x4.mul(e0, f32x4.mul(r0, r0)));
    const d1 = f32x4.mul(slope1, f32x4.mul(e1, f32x4.mul(r1, r1)));
    const g0 = f32x4.mul(loadColumns(dy + at, count), d0);
    const g1 = f32x4.mul(loadColumns(dy + at + 16, count - 4), d1);
    storeColumns(dz + at, g0, g1, count);
  }
}

/** The same with a hard clamp in place of tanh: dz = dy · slope_i where |z + shift_i| <= 1, else 0. */
export function fsqClampGrad(
  dy: usize,
  z: usize,
  dz: usize,
  table: usize,
  tokens: i32,
  dim: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const entries = table + ((<usize>dim) << 5);
  const stop = min(end << 2, tokens) * dim;
  let entry = table;
  for (let i = (begin << 2) * dim; i < stop; i += 4) {
    const at = (<usize>i) << 2;
    const count = min(4, stop - i);
    const y = f32x4.add(loadColumns(z + at, count), v128.load(entry));
    const slope = v128.and(v128.load(entry, 16), f32x4.le(f32x4.abs(y), f32x4.splat(1)));
    storeColumns(dz + at, f32x4.mul(loadColumns(dy + at, count), slope), slope, count);
    entry += 32;
    if (entry === entries) entry = table;
  }
}

/**
 * The codes of indices, whose first digit is the least significant: (digit_i - center_i) · step_i. Tables of `dim` elements: 1 / levels
 * (float64), levels (int32), centers, steps. Units: blocks of 1,024 tokens.
 */
export function fsqDecode(
  indices: usize,
  codes: usize,
  table: usize,
  tokens: i32,
  dim: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const width = (<usize>dim) << 2;
  const levels = table + 2 * width;
  const last = min(tokens, end << 10);
  let to = codes + <usize>(begin << 10) * width;
  for (let n = begin << 10; n < last; n++) {
    let rest = load<i32>(indices + ((<usize>n) << 2));
    for (let i: usize = 0; i < width; i += 4) {
      const entry = levels + i;
      // (rest + ½) / count is at least ½ / count away from any whole number: a product with the rounded inverse has the same floor.
      const above = <i32>((<f64>rest + 0.5) * load<f64>(table + (i << 1)));
      const digit = <f32>(rest - above * load<i32>(entry));
      store<f32>(to + i, (digit - load<f32>(entry + width)) * load<f32>(entry + 2 * width));
      rest = above;
    }
    to += width;
  }
}
