import { rowOf } from './nearest';

// The frame of a worker, in bytes: how many tokens wait, which, what nearest-open.ts keeps, and the elements of four tokens in float64 beside
// each other.
const WAITING: usize = 0;
const TOKENS: usize = 4;
const ELEMENTS: usize = 544;

/** Bytes of the frame that each worker needs. */
export function exactFrameBytes(dim: i32): i32 {
  return <i32>ELEMENTS + (dim << 5);
}

export function exactFrameOf(frames: usize, worker: i32, dim: i32): usize {
  return frames + <usize>worker * <usize>exactFrameBytes(dim);
}

/** The first row without a NaN or an infinity, 0 where there is none: what a token gets that has no distance to any code. */
export function firstFinite(rows: usize, count: i32, dim: i32): i32 {
  for (let k = 0; k < count; k++) {
    const row = rows + <usize>k * ((<usize>dim) << 2);
    let i: usize = 0;
    while (i < <usize>dim && abs(load<f32>(row + (i << 2))) < Infinity) i++;
    if (i === <usize>dim) return k;
  }
  return 0;
}

/**
 * The code at the smallest Σ_i (x_i - c_i)² of each token, added up in float64 from feature to feature, the lowest index of equal sums. A code
 * with a NaN or an infinity is never nearer than another; a token with one gets `first`, from firstFinite.
 * Units: groups of four tokens.
 */
export function nearestCodeExact(
  x: usize,
  codes: usize,
  frames: usize,
  indices: usize,
  first: i32,
  tokens: i32,
  dim: i32,
  count: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const frame = exactFrameOf(frames, worker, dim);
  store<i32>(frame, 0, WAITING);
  for (let token = begin << 2; token < min(end << 2, tokens); token++) {
    searchExactly(token, x, codes, frame, indices, first, dim, count);
  }
  searchWaiting(x, codes, frame, indices, first, dim, count);
}

/** Lets a token wait until there are four. */
export function searchExactly(
  token: i32,
  x: usize,
  codes: usize,
  frame: usize,
  indices: usize,
  first: i32,
  dim: i32,
  count: i32,
): void {
  const waiting = load<i32>(frame, WAITING);
  store<i32>(frame + ((<usize>waiting) << 2), token, TOKENS);
  store<i32>(frame, waiting + 1, WAITING);
  if (waiting === 3) searchWaiting(x, codes, frame, indices, first, dim, count);
}

/** Searches for the tokens that wait. */
export function searchWaiting(
  x: usize,
  codes: usize,
  frame: usize,
  indices: usize,
  first: i32,
  dim: i32,
  count: i32,
): void {
  const waiting = load<i32>(frame, WAITING);
  if (waiting === 0) return;
  store<i32>(frame, 0, WAITING);
  const rowBytes = (<usize>dim) << 2;
  const elements = frame + ELEMENTS;
  for (let t = 0; t < 4; t++) {
    const token = load<i32>(frame + ((<usize>min(t, waiting - 1)) << 2), TOKENS);
    const row = x + <usize>token * rowBytes;
    const to = elements + ((<usize>t) << 3);
    for (let j: usize = 0; j < rowBytes; j += 4) store<f64>(to + (j << 3), <f64>load<f32>(row + j));
  }
  let b0 = f64x2.splat(Infinity);
  let b1 = b0;
  let i0 = i64x2.splat(<i64>first);
  let i1 = i0;
  for (let k = 0; k < count; k += 4) {
    // Beyond the last code it is that again, and so never strictly nearer.
    const c0 = rowOf(codes, k, count - 1, rowBytes);
    const c1 = rowOf(codes, k + 1, count - 1, rowBytes);
    const c2 = rowOf(codes, k + 2, count - 1, rowBytes);
    const c3 = rowOf(codes, k + 3, count - 1, rowBytes);
    let d00 = f64x2.splat(0);
    let d01 = d00;
    let d10 = d00;
    let d11 = d00;
    let d20 = d00;
    let d21 = d00;
    let d30 = d00;
    let d31 = d00;
    let at = elements;
    for (let j: usize = 0; j < rowBytes; j += 4) {
      const t0 = v128.load(at);
      const t1 = v128.load(at, 16);
      at += 32;
      const v0 = f64x2.promote_low_f32x4(v128.load32_splat(c0 + j));
      let e0 = f64x2.sub(t0, v0);
      let e1 = f64x2.sub(t1, v0);
      d00 = f64x2.add(d00, f64x2.mul(e0, e0));
      d01 = f64x2.add(d01, f64x2.mul(e1, e1));
      const v1 = f64x2.promote_low_f32x4(v128.load32_splat(c1 + j));
      e0 = f64x2.sub(t0, v1);
      e1 = f64x2.sub(t1, v1);
      d10 = f64x2.add(d10, f64x2.mul(e0, e0));
      d11 = f64x2.add(d11, f64x2.mul(e1, e1));
      const v2 = f64x2.promote_low_f32x4(v128.load32_splat(c2 + j));
      e0 = f64x2.sub(t0, v2);
      e1 = f64x2.sub(t1, v2);
      d20 = f64x2.add(d20, f64x2.mul(e0, e0));
      d21 = f64x2.add(d21, f64x2.mul(e1, e1));
      const v3 = f64x2.promote_low_f32x4(v128.load32_splat(c3 + j));
      e0 = f64x2.sub(t0, v3);
      e1 = f64x2.sub(t1, v3);
      d30 = f64x2.add(d30, f64x2.mul(e0, e0));
      d31 = f64x2.add(d31, f64x2.mul(e1, e1));
    }
    const index = i64x2.splat(<i64>k);
    const one = i64x2.splat(1);
    let code = index;
    i0 = v128.bitselect(code, i0, f64x2.lt(d00, b0));
    i1 = v128.bitselect(code, i1, f64x2.lt(d01, b1));
    b0 = f64x2.pmin(b0, d00);
    b1 = f64x2.pmin(b1, d01);
    code = i64x2.add(code, one);
    i0 = v128.bitselect(code, i0, f64x2.lt(d10, b0));
    i1 = v128.bitselect(code, i1, f64x2.lt(d11, b1));
    b0 = f64x2.pmin(b0, d10);
    b1 = f64x2.pmin(b1, d11);
    code = i64x2.add(code, one);
    i0 = v128.bitselect(code, i0, f64x2.lt(d20, b0));
    i1 = v128.bitselect(code, i1, f64x2.lt(d21, b1));
    b0 = f64x2.pmin(b0, d20);
    b1 = f64x2.pmin(b1, d21);
    code = i64x2.add(code, one);
    i0 = v128.bitselect(code, i0, f64x2.lt(d30, b0));
    i1 = v128.bitselect(code, i1, f64x2.lt(d31, b1));
    b0 = f64x2.pmin(b0, d30);
    b1 = f64x2.pmin(b1, d31);
  }
  for (let t = 0; t < waiting; t++) {
    const token = load<i32>(frame + ((<usize>t) << 2), TOKENS);
    const pair = t < 2 ? i0 : i1;
    const index = (t & 1) === 0 ? i64x2.extract_lane(pair, 0) : i64x2.extract_lane(pair, 1);
    store<i32>(indices + ((<usize>token) << 2), <i32>index);
  }
}

/** The distance of a token to one code, by nearestCodeExact's operations in its order. */
export function exactDistance(row: usize, code: usize, dim: i32): f64 {
  let sum: f64 = 0;
  const end = row + ((<usize>dim) << 2);
  for (; row < end; row += 4, code += 4) {
    const difference = <f64>load<f32>(row) - <f64>load<f32>(code);
    sum += difference * difference;
  }
  return sum;
}
