import { sumLanes } from './store';

/** A rounded row is at most so long: two such rows have a product below 2^31. */
const LONGEST: f64 = 46_000;
/** The largest element of a rounded row. */
const LARGEST: f64 = 32_767;
/** Rounding x · scale moves it by 1/2, and the product in float32 by less than the rest. */
const MOVED: f64 = 0.501;
/** Added to a small float32 it leaves the nearest integer in the lowest bits, the even one on ties. */
const ROUNDER: f32 = 12582912;

/** What searches need of all codes, in float64: the scale of the rounded codes, then bounds of their lengths and of their biases. */
export const CODES_SCALE: usize = 0;
export const CODES_LENGTH: usize = 8;
export const CODES_BIAS: usize = 16;
/** How far the given scores may be off, for searches whose keys are not the codes themselves. */
export const SLACK: usize = 24;
export const SLACK_PER_REACH: usize = 32;
export const SLACK_PER_SQUARE: usize = 40;

/** Not less than the length of a vector whose squares were summed in float32, for dim <= 4096: γ of those sums is below 2^-11. */
function lengthOf(squares: f32, dim: i32): f64 {
  return sqrt(<f64>squares * (1 + 1 / 512.0) + <f64>dim * 1.4012984643248171e-45);
}

/** The scale at which a vector is rounded. That of a tiny one is limited so that products of two scales stay in float32. */
function scaleOf(length: f64, largest: f32): f32 {
  return <f32>min(min(LONGEST / length, LARGEST / <f64>largest), 1e18);
}

/** Finds the scale and the bounds of codes in the panels that packCodes made. */
export function measureCodes(panels: usize, measures: usize, dim: i32, panelCount: i32): void {
  let squares: f32 = 0;
  let largest = f32x4.splat(0);
  let bias = f32x4.splat(0);
  let panel = panels;
  for (let p = 0; p < panelCount; p++) {
    const b0 = v128.load(panel);
    const b1 = v128.load(panel, 16);
    // Not those of unusable codes, which are -2^127.
    const lowest = f32x4.splat(-1.7014118346046923e38);
    bias = f32x4.pmax(bias, v128.and(f32x4.abs(b0), f32x4.gt(b0, lowest)));
    bias = f32x4.pmax(bias, v128.and(f32x4.abs(b1), f32x4.gt(b1, lowest)));
    panel += 32;
    let s0 = f32x4.splat(0);
    let s1 = s0;
    for (let i = 0; i < dim; i++) {
      const w0 = v128.load(panel);
      const w1 = v128.load(panel, 16);
      largest = f32x4.pmax(largest, f32x4.pmax(f32x4.abs(w0), f32x4.abs(w1)));
      s0 = f32x4.add(s0, f32x4.mul(w0, w0));
      s1 = f32x4.add(s1, f32x4.mul(w1, w1));
      panel += 32;
    }
    squares = max(squares, highest(f32x4.pmax(s0, s1)));
  }
  const length = lengthOf(squares, dim);
  store<f64>(measures, <f64>scaleOf(length, highest(largest)), CODES_SCALE);
  store<f64>(measures, length, CODES_LENGTH);
  store<f64>(measures, <f64>highest(bias), CODES_BIAS);
}

function highest(v: v128): f32 {
  const two = f32x4.pmax(v, v128.shuffle<i32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.pmax(two, v128.shuffle<i32>(two, two, 1, 0, 3, 2)), 0);
}

/**
 * Rounds the panels that packCodes made: the biases of the eight codes as they are, then for each two features the eight codes' pairs of
 * int16, code · scale. Units: panels.
 */
export function roundCodes(
  panels: usize,
  rounded: usize,
  measures: usize,
  dim: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const scale = f32x4.splat(<f32>load<f64>(measures, CODES_SCALE));
  let from = panels + <usize>begin * (<usize>dim + 1) * 32;
  let to = rounded + <usize>begin * <usize>(((dim + 1) >> 1) + 1) * 32;
  for (let panel = begin; panel < end; panel++) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    from += 32;
    to += 32;
    let i = 0;
    for (; i + 1 < dim; i += 2) {
      v128.store(to, pairs(v128.load(from), v128.load(from, 32), scale));
      v128.store(to, pairs(v128.load(from, 16), v128.load(from, 48), scale), 16);
      from += 64;
      to += 32;
    }
    if (i < dim) {
      const none = f32x4.splat(0);
      v128.store(to, pairs(v128.load(from), none, scale));
      v128.store(to, pairs(v128.load(from, 16), none, scale), 16);
      from += 32;
      to += 32;
    }
  }
}

/** Four codes' elements of one feature, rounded, in the lower halves of the lanes, those of the next one in the upper. */
function pairs(even: v128, odd: v128, scale: v128): v128 {
  const rounder = f32x4.splat(ROUNDER);
  const low = v128.and(f32x4.add(f32x4.mul(even, scale), rounder), i32x4.splat(0xffff));
  return v128.or(low, i32x4.shl(f32x4.add(f32x4.mul(odd, scale), rounder), 16));
}

/**
 * Rounds one of the four tokens of a group; its pairs of int16 are 16 bytes apart. Stores 1 / (its scale · the codes' scale) as float32 at
 * `inverse` and at `margin`, as float64, how far below the highest a rounded score may lie of a code that can win. False, and zeros, for a
 * token that is not usable.
 */
export function roundToken(row: usize, dim: i32, to: usize, measures: usize, inverse: usize, margin: usize): bool {
  const rowEnd = row + ((<usize>dim) << 2);
  const vectorsEnd = row + ((<usize>(dim & ~3)) << 2);
  let s = f32x4.splat(0);
  let m = s;
  let at = row;
  for (; at < vectorsEnd; at += 16) {
    const v = v128.load(at);
    s = f32x4.add(s, f32x4.mul(v, v));
    // The bits of magnitudes have the order of the magnitudes, and those of NaN are above all.
    m = i32x4.max_s(m, f32x4.abs(v));
  }
  let squares = sumLanes(s);
  let bits = max(
    max(i32x4.extract_lane(m, 0), i32x4.extract_lane(m, 1)),
    max(i32x4.extract_lane(m, 2), i32x4.extract_lane(m, 3)),
  );
  for (; at < rowEnd; at += 4) {
    const v = load<f32>(at);
    squares += v * v;
    bits = max(bits, reinterpret<i32>(abs(v)));
  }
  const largest = reinterpret<f32>(bits);
  const usable = largest < 72057594037927936;
  const length = lengthOf(squares, dim);
  const scale: f32 = usable ? scaleOf(length, largest) : 0;

  const scales = f32x4.splat(scale);
  const rounder = f32x4.splat(ROUNDER);
  for (at = row; at < vectorsEnd; at += 16) {
    const v = usable ? f32x4.add(f32x4.mul(v128.load(at), scales), rounder) : rounder;
    const two = i16x8.narrow_i32x4_s(i32x4.sub(v, rounder), rounder);
    v128.store32_lane(to, two, 0);
    v128.store32_lane(to, two, 1, 16);
    to += 32;
  }
  for (; at < rowEnd; at += 8) {
    const even = usable ? <i32>nearest(load<f32>(at) * scale) : 0;
    const odd = usable && at + 4 < rowEnd ? <i32>nearest(load<f32>(at, 4) * scale) : 0;
    store<i32>(to, (even & 0xffff) | (odd << 16));
    to += 16;
  }
  const codesScale = load<f64>(measures, CODES_SCALE);
  store<f32>(inverse, usable ? <f32>(1 / (<f64>scale * codesScale)) : 0);
  store<f64>(margin, usable ? marginOf(dim, length, 1 / <f64>scale, measures, 1 / codesScale) : 0);
  return usable;
}

/** How far below the highest a score in float32 may lie of a code that can win; `reach` is that of the token, or 0. */
export function marginOfRow(row: usize, dim: i32, measures: usize, reach: usize): f64 {
  const rowEnd = row + ((<usize>dim) << 2);
  const vectorsEnd = row + ((<usize>(dim & ~3)) << 2);
  let s = f32x4.splat(0);
  for (; row < vectorsEnd; row += 16) {
    const v = v128.load(row);
    s = f32x4.add(s, f32x4.mul(v, v));
  }
  let squares = sumLanes(s);
  for (; row < rowEnd; row += 4) squares += load<f32>(row) * load<f32>(row);
  // A sum that is not finite, or so large that a score need not be, makes the margin NaN.
  if (!(squares < 5.192296858534828e33)) return NaN;
  const margin = marginOf(dim, lengthOf(squares, dim), 0, measures, 0);
  return reach === 0 ? margin : margin + slackAt(measures, reach);
}

/** Twice how far given scores may be off for a token of that reach. */
export function slackAt(measures: usize, reach: usize): f64 {
  const far = <f64>load<f32>(reach);
  const perReach = load<f64>(measures, SLACK_PER_REACH) + load<f64>(measures, SLACK_PER_SQUARE) * far;
  return 2.001 * (load<f64>(measures, SLACK) + perReach * far);
}

/** Twice the bound E that screenGroups derives. */
function marginOf(dim: i32, length: f64, step: f64, measures: usize, codesStep: f64): f64 {
  const codesLength = load<f64>(measures, CODES_LENGTH);
  const moved = MOVED * sqrt(<f64>dim);
  const roundedLength = codesLength + moved * codesStep;
  const rounding = moved * (length * codesStep + roundedLength * step);
  const size = load<f64>(measures, CODES_BIAS) + (length + moved * step) * roundedLength;
  const sums = (<f64>dim + 2) * 4.440892098500626e-16 * (length + codesLength) * (length + codesLength);
  return 2.001 * (rounding + (<f64>dim + 8) * 1.1920928955078125e-7 * size + sums + <f64>dim * 1.4012984643248171e-45);
}
