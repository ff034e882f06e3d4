import { loadColumns, storeColumns } from './store';

/**
 * dz = dy · slope_i · (1 - tanh²(z + shift_i)) of tokens with `dim` features, as 4 slope_i e / (1 + e)² with
 * e = exp(-2 |z + shift_i|) = 2^-x = 2^-n 2^-f, so that no digit is lost far out.
 *
 * The table holds, for each of the `dim` vectors of four tokens, its four shift_i · 2 log2(e) and its four 4 slope_i; then, each four
 * times, the constants below. From a table they stay in registers; written here, V8 builds each anew in every round of the loop.
 *
 * Units: groups of four tokens; the last may be partial.
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
  const twoLog2e = v128.load(entries);
  // From there on the gradient is 0, so that nothing is ever denormal. NaN is not above it and stays.
  const top = v128.load(entries, 16);
  // 1.5 · 2^23: adding it to a number near 0 leaves the nearest whole number in the lowest bits.
  const round = v128.load(entries, 32);
  // 2^-f = 1 + c1 f + … + c5 f^5 for |f| <= ½.
  const one = v128.load(entries, 48);
  const c1 = v128.load(entries, 64);
  const c2 = v128.load(entries, 80);
  const c3 = v128.load(entries, 96);
  const c4 = v128.load(entries, 112);
  const c5 = v128.load(entries, 128);
  const stop = min(end << 2, tokens) * dim;
  let entry = table;
  for (let i = (begin << 2) * dim; i < stop; i += 8) {
    const at = (<usize>i) << 2;
    const count = min(8, stop - i);
    const y0 = f32x4.add(f32x4.mul(loadColumns(z + at, count), twoLog2e), v128.load(entry));
    const slope0 = v128.load(entry, 16);
    entry += 32;
    if (entry === entries) entry = table;
    const y1 = f32x4.add(f32x4.mul(loadColumns(z + at + 16, count - 4), twoLog2e), v128.load(entry));
    const slope1 = v128.load(entry, 16);
    entry += 32;
    if (entry === entries) entry = table;
    const x0 = f32x4.abs(y0);
    const x1 = f32x4.abs(y1);
    const n0 = f32x4.add(x0, round);
    const n1 = f32x4.add(x1, round);
    const f0 = f32x4.sub(x0, f32x4.sub(n0, round));
    const f1 = f32x4.sub(x1, f32x4.sub(n1, round));
    let p0 = f32x4.add(f32x4.mul(f0, c5), c4);
    let p1 = f32x4.add(f32x4.mul(f1, c5), c4);
    p0 = f32x4.add(f32x4.mul(p0, f0), c3);
    p1 = f32x4.add(f32x4.mul(p1, f1), c3);
    p0 = f32x4.add(f32x4.mul(p0, f0), c2);
    p1 = f32x4.add(f32x4.mul(p1, f1), c2);
    p0 = f32x4.add(f32x4.mul(p0, f0), c1);
    p1 = f32x4.add(f32x4.mul(p1, f1), c1);
    p0 = f32x4.add(f32x4.mul(p0, f0), one);
    p1 = f32x4.add(f32x4.mul(p1, f1), one);
    const e0 = v128.andnot(f32x4.mul(p0, i32x4.sub(one, i32x4.shl(n0, 23))), f32x4.ge(x0, top));
    const e1 = v128.andnot(f32x4.mul(p1, i32x4.sub(one, i32x4.shl(n1, 23))), f32x4.ge(x1, top));
    const q0 = f32x4.add(one, e0);
    const q1 = f32x4.add(one, e1);
    const d0 = f32x4.mul(f32x4.mul(loadColumns(dy + at, count), slope0), e0);
    const d1 = f32x4.mul(f32x4.mul(loadColumns(dy + at + 16, count - 4), slope1), e1);
    const g0 = f32x4.div(d0, f32x4.mul(q0, q0));
    const g1 = f32x4.div(d1, f32x4.mul(q1, q1));
    storeColumns(dz + at, g0, g1, count);
  }
}

/**
 * The same with a hard clamp in place of tanh: dz = dy · slope_i where |z + shift_i| <= 1, else 0. The table holds the shifts and slopes
 * as they are, and no constants.
 */
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
