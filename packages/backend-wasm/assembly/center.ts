import { rowOf } from './nearest';
import { sumLanes } from './store';

/** origin = the mean of the rows, from the first on, so that neither an offset of all takes their digits nor their sum overflows. */
export function meanRow(rows: usize, origin: usize, count: i32, dim: i32): void {
  const rowBytes = (<usize>dim) << 2;
  const vectors = rowBytes & ~15;
  const share: f32 = 1 / <f32>count;
  const shares = f32x4.splat(share);
  memory.copy(origin, rows, rowBytes);
  for (let k = 1; k < count; k++) {
    const row = rows + <usize>k * rowBytes;
    let i: usize = 0;
    for (; i < vectors; i += 16) {
      const moved = f32x4.mul(f32x4.sub(v128.load(row + i), v128.load(rows + i)), shares);
      v128.store(origin + i, f32x4.add(v128.load(origin + i), moved));
    }
    for (; i < rowBytes; i += 4) {
      const moved = (load<f32>(row + i) - load<f32>(rows + i)) * share;
      store<f32>(origin + i, load<f32>(origin + i) + moved);
    }
  }
}

/** The largest |row - origin| of an element, or a NaN or an infinity if there is one. */
export function largestFrom(rows: usize, origin: usize, count: i32, dim: i32): f32 {
  const rowBytes = (<usize>dim) << 2;
  const vectors = rowBytes & ~15;
  // The bits of magnitudes have the order of the magnitudes, and those of NaN are above all.
  let most = i32x4.splat(0);
  let rest: i32 = 0;
  for (let k = 0; k < count; k++) {
    const row = rows + <usize>k * rowBytes;
    let i: usize = 0;
    for (; i < vectors; i += 16) {
      most = i32x4.max_s(most, f32x4.abs(f32x4.sub(v128.load(row + i), v128.load(origin + i))));
    }
    for (; i < rowBytes; i += 4) rest = max(rest, reinterpret<i32>(abs(load<f32>(row + i) - load<f32>(origin + i))));
  }
  const low = max(i32x4.extract_lane(most, 0), i32x4.extract_lane(most, 1));
  const high = max(i32x4.extract_lane(most, 2), i32x4.extract_lane(most, 3));
  return reinterpret<f32>(max(rest, max(low, high)));
}

/** to = (row - origin) · factor. Units: rows. */
export function centerRows(
  rows: usize,
  origin: usize,
  to: usize,
  factor: f32,
  dim: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const rowBytes = (<usize>dim) << 2;
  const vectors = rowBytes & ~15;
  const factors = f32x4.splat(factor);
  for (let row = begin; row < end; row++) {
    const from = rows + <usize>row * rowBytes;
    const out = to + <usize>row * rowBytes;
    let i: usize = 0;
    for (; i < vectors; i += 16) {
      v128.store(out + i, f32x4.mul(f32x4.sub(v128.load(from + i), v128.load(origin + i)), factors));
    }
    for (; i < rowBytes; i += 4) store<f32>(out + i, (load<f32>(from + i) - load<f32>(origin + i)) * factor);
  }
}

/** lengths = |row|, never too small: squares of what is below 2^-63 are lost. Units: rows. */
export function rowLengths(rows: usize, lengths: usize, dim: i32, begin: i32, end: i32, _worker: i32): void {
  const rowBytes = (<usize>dim) << 2;
  const vectors = rowBytes & ~15;
  for (let row = begin; row < end; row++) {
    const from = rows + <usize>row * rowBytes;
    let squares = f32x4.splat(0);
    let i: usize = 0;
    for (; i < vectors; i += 16) {
      const v = v128.load(from + i);
      squares = f32x4.add(squares, f32x4.mul(v, v));
    }
    let sum = sumLanes(squares);
    for (; i < rowBytes; i += 4) sum += load<f32>(from + i) * load<f32>(from + i);
    store<f32>(lengths + ((<usize>row) << 2), sqrt(sum) * 1.01 + 8.7e-19);
  }
}

/**
 * packCodes for keys (code - origin) · factor and biases -|key|²/2: panels of eight, the biases first. Those past the last code get a bias
 * that is never the highest. Units: panels.
 */
export function packCentered(
  codes: usize,
  origin: usize,
  panels: usize,
  factor: f32,
  count: i32,
  dim: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const rowBytes = (<usize>dim) << 2;
  for (let panel = begin; panel < end; panel++) {
    const to = panels + <usize>panel * ((<usize>dim + 1) << 5);
    for (let lane = 0; lane < 8; lane++) {
      const code = (panel << 3) + lane;
      const from = rowOf(codes, code, count - 1, rowBytes);
      const column = to + ((<usize>lane) << 2);
      let squares: f64 = 0;
      for (let i: usize = 0; i < rowBytes; i += 4) {
        const key: f32 = code < count ? (load<f32>(from + i) - load<f32>(origin + i)) * factor : 0;
        squares += <f64>key * <f64>key;
        store<f32>(column + (i << 3), key, 32);
      }
      store<f32>(column, code < count ? <f32>(-0.5 * squares) : -1.7014118346046923e38);
    }
  }
}
