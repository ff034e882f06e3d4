import { isUsable, rowOf } from './nearest';

/**
 * Widens codes to float64 in panels of four: for each feature the four codes' elements. Codes past the last, and those that are not
 * usable (a magnitude of 2^56 or more, NaN), are infinitely far away.
 * Units: panels.
 */
export function packCodesExact(
  codes: usize,
  panels: usize,
  count: i32,
  dim: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  for (let panel = begin; panel < end; panel++) {
    const to = panels + ((<usize>panel * <usize>dim) << 5);
    for (let lane = 0; lane < 4; lane++) {
      const code = (panel << 2) + lane;
      const from = codes + ((<usize>code * <usize>dim) << 2);
      const usable = code < count && isUsable(from, dim);
      for (let i: usize = 0; i < <usize>dim; i++) {
        store<f64>(to + (i << 5) + ((<usize>lane) << 3), usable ? <f64>load<f32>(from + (i << 2)) : Infinity);
      }
    }
  }
}

/**
 * The code with the smallest |x - c|² for each token, in float64 from feature to feature, lowest index on ties: two tokens × four codes
 * at a time. A token that is not usable gets index 0.
 * Units: groups of two tokens.
 */
export function nearestCodeExact(
  x: usize,
  panels: usize,
  indices: usize,
  tokens: i32,
  dim: i32,
  panelCount: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const rowBytes = (<usize>dim) << 2;
  for (let group = begin; group < end; group++) {
    const first = group << 1;
    const x0 = rowOf(x, first, tokens - 1, rowBytes);
    const x1 = rowOf(x, first + 1, tokens - 1, rowBytes);
    let b00 = f64x2.splat(Infinity);
    let b01 = b00;
    let b10 = b00;
    let b11 = b00;
    let p00 = i64x2.splat(0);
    let p01 = p00;
    let p10 = p00;
    let p11 = p00;
    let panel = panels;
    for (let p = 0; p < panelCount; p++) {
      let d00 = f64x2.splat(0);
      let d01 = d00;
      let d10 = d00;
      let d11 = d00;
      for (let j: usize = 0; j < rowBytes; j += 4) {
        const c0 = v128.load(panel);
        const c1 = v128.load(panel, 16);
        const v0 = f64x2.splat(<f64>load<f32>(x0 + j));
        const v1 = f64x2.splat(<f64>load<f32>(x1 + j));
        const e00 = f64x2.sub(v0, c0);
        const e01 = f64x2.sub(v0, c1);
        const e10 = f64x2.sub(v1, c0);
        const e11 = f64x2.sub(v1, c1);
        d00 = f64x2.add(d00, f64x2.mul(e00, e00));
        d01 = f64x2.add(d01, f64x2.mul(e01, e01));
        d10 = f64x2.add(d10, f64x2.mul(e10, e10));
        d11 = f64x2.add(d11, f64x2.mul(e11, e11));
        panel += 32;
      }
      const here = i64x2.splat(p);
      p00 = v128.bitselect(here, p00, f64x2.lt(d00, b00));
      p01 = v128.bitselect(here, p01, f64x2.lt(d01, b01));
      p10 = v128.bitselect(here, p10, f64x2.lt(d10, b10));
      p11 = v128.bitselect(here, p11, f64x2.lt(d11, b11));
      b00 = f64x2.min(b00, d00);
      b01 = f64x2.min(b01, d01);
      b10 = f64x2.min(b10, d10);
      b11 = f64x2.min(b11, d11);
    }
    const to = indices + ((<usize>first) << 2);
    store<i32>(to, isUsable(x0, dim) ? lowestNearest(b00, b01, p00, p01) : 0);
    if (first + 1 < tokens) store<i32>(to, isUsable(x1, dim) ? lowestNearest(b10, b11, p10, p11) : 0, 4);
  }
}

/** The index of the least of four distances, the lowest index among equals; index = panel · 4 + lane. */
function lowestNearest(b0: v128, b1: v128, p0: v128, p1: v128): i32 {
  const both = f64x2.min(b0, b1);
  const least = f64x2.splat(min(f64x2.extract_lane(both, 0), f64x2.extract_lane(both, 1)));
  const none = i64x2.splat(i32.MAX_VALUE);
  const i0 = v128.bitselect(i64x2.add(i64x2.shl(p0, 2), i64x2(0, 1)), none, f64x2.eq(b0, least));
  const i1 = v128.bitselect(i64x2.add(i64x2.shl(p1, 2), i64x2(2, 3)), none, f64x2.eq(b1, least));
  const low = min(i64x2.extract_lane(i0, 0), i64x2.extract_lane(i0, 1));
  return <i32>min(low, min(i64x2.extract_lane(i1, 0), i64x2.extract_lane(i1, 1)));
}
