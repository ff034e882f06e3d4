import { loadColumns, storeColumns, sumLanes } from './store';

/** Rows of one unit of work. */
const ROWS: i32 = 64;
/** For a divisor: the smallest normal float32 in place of 0. */
const TINY: f32 = 1.1754943508222875e-38;
/** Below this length of û + q̂ float32 no longer tells the plane of the rotation. */
const OPPOSITE: f32 = 1e-4;

function peakOf(row: usize, dim: i32): f32 {
  let peak = f32x4.splat(0);
  for (let i = 0; i < dim; i += 4) {
    peak = f32x4.max(peak, f32x4.abs(loadColumns(row + ((<usize>i) << 2), dim - i)));
  }
  const two = f32x4.max(peak, v128.shuffle<i32>(peak, peak, 2, 3, 0, 1));
  return max(f32x4.extract_lane(f32x4.max(two, v128.shuffle<i32>(two, two, 1, 0, 3, 2)), 0), TINY);
}

/**
 * The gradient of the rotation trick, λ Rᵀ g of each row. With û = x/|x|, q̂ = q/|q|, m = û + q̂: h = g - 2 (g·m) m / |m|², and
 * Rᵀ g = h - 2 (h·û) û. Where no rotation takes û to q̂ it is g. Rows are divided by their largest magnitude before their length
 * is taken, which then neither underflows nor overflows.
 *
 * `lines` is room for 2 · dim floats, rounded up to whole vectors each, per worker. Units: blocks of 64 rows.
 */
export function rotateToGrad(
  dy: usize,
  x: usize,
  q: usize,
  dx: usize,
  lines: usize,
  maxScale: f32,
  rows: i32,
  dim: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const lineBytes = (<usize>((dim + 3) & ~3)) << 2;
  const u = lines + <usize>worker * 2 * lineBytes;
  const m = u + lineBytes;
  const last = min(rows, end * ROWS);
  for (let row = begin * ROWS; row < last; row++) {
    const skip = (<usize>row * <usize>dim) << 2;
    const xPeak = peakOf(x + skip, dim);
    const qPeak = peakOf(q + skip, dim);
    let xSum = f32x4.splat(0);
    let qSum = xSum;
    for (let i = 0; i < dim; i += 4) {
      const at = (<usize>i) << 2;
      const a = f32x4.div(loadColumns(x + skip + at, dim - i), f32x4.splat(xPeak));
      const b = f32x4.div(loadColumns(q + skip + at, dim - i), f32x4.splat(qPeak));
      v128.store(u + at, a);
      v128.store(m + at, b);
      xSum = f32x4.add(xSum, f32x4.mul(a, a));
      qSum = f32x4.add(qSum, f32x4.mul(b, b));
    }
    const xNorm = sqrt(sumLanes(xSum));
    const qNorm = sqrt(sumLanes(qSum));
    const toUnitX = f32x4.splat(1 / max(xNorm, TINY));
    const toUnitQ = f32x4.splat(1 / max(qNorm, TINY));
    let mSum = f32x4.splat(0);
    let alongM = mSum;
    for (let i = 0; i < dim; i += 4) {
      const at = (<usize>i) << 2;
      const a = f32x4.mul(v128.load(u + at), toUnitX);
      const middle = f32x4.add(a, f32x4.mul(v128.load(m + at), toUnitQ));
      v128.store(u + at, a);
      v128.store(m + at, middle);
      mSum = f32x4.add(mSum, f32x4.mul(middle, middle));
      alongM = f32x4.add(alongM, f32x4.mul(loadColumns(dy + skip + at, dim - i), middle));
    }
    const squared = sumLanes(mSum);
    const defined = xNorm > 0 && qNorm > 0 && sqrt(squared) > OPPOSITE;
    const twice: f32 = defined ? 2 : 0;
    const reflect = f32x4.splat((twice * sumLanes(alongM)) / max(squared, TINY));
    let alongU = f32x4.splat(0);
    for (let i = 0; i < dim; i += 4) {
      const at = (<usize>i) << 2;
      const g = loadColumns(dy + skip + at, dim - i);
      const h = f32x4.sub(g, f32x4.mul(reflect, v128.load(m + at)));
      v128.store(m + at, h);
      alongU = f32x4.add(alongU, f32x4.mul(h, v128.load(u + at)));
    }
    const back = f32x4.splat(twice * sumLanes(alongU));
    const ratio: f32 = (qPeak / xPeak) * (qNorm / max(xNorm, TINY));
    const scale = f32x4.splat(defined ? min(ratio, maxScale) : 1);
    for (let i = 0; i < dim; i += 4) {
      const at = (<usize>i) << 2;
      const v = f32x4.mul(scale, f32x4.sub(v128.load(m + at), f32x4.mul(back, v128.load(u + at))));
      storeColumns(dx + skip + at, v, v, min(4, dim - i));
    }
  }
}
