/** Below every score of a usable code. */
const LOWEST: f32 = -1.7014118346046923e38;

/**
 * Packs codes into panels of eight: the biases of the eight codes, then for each feature the eight codes' elements. Codes past
 * the last, and those that are not usable (a magnitude of 2^56 or more, NaN), get a bias that is never the highest.
 * Units: panels.
 */
export function packCodes(
  keys: usize,
  bias: usize,
  panels: usize,
  codes: i32,
  dim: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const panelBytes = (<usize>dim + 1) << 5;
  for (let panel = begin; panel < end; panel++) {
    const to = panels + <usize>panel * panelBytes;
    for (let lane = 0; lane < 8; lane++) {
      const code = (panel << 3) + lane;
      const column = to + ((<usize>lane) << 2);
      const from = keys + ((<usize>code * <usize>dim) << 2);
      let usable = code < codes;
      if (usable) usable = abs(load<f32>(bias + ((<usize>code) << 2))) < -LOWEST && packRow(from, column + 32, dim);
      store<f32>(column, usable ? load<f32>(bias + ((<usize>code) << 2)) : LOWEST);
      if (usable) continue;
      for (let i: usize = 1; i <= <usize>dim; i++) store<f32>(column + (i << 5), 0);
    }
  }
}

/** Copies a row into a column of a panel; whether it is usable. */
function packRow(row: usize, column: usize, dim: i32): bool {
  const end = row + ((<usize>dim) << 2);
  const vectorsEnd = row + ((<usize>(dim & ~3)) << 2);
  let most = i32x4.splat(0);
  for (; row < vectorsEnd; row += 16) {
    const v = v128.load(row);
    // The bits of magnitudes have the order of the magnitudes, and those of NaN are above all.
    most = i32x4.max_s(most, f32x4.abs(v));
    v128.store32_lane(column, v, 0);
    v128.store32_lane(column, v, 1, 32);
    v128.store32_lane(column, v, 2, 64);
    v128.store32_lane(column, v, 3, 96);
    column += 128;
  }
  let usable = !v128.any_true(i32x4.ge_s(most, i32x4.splat(reinterpret<i32>(<f32>72057594037927936))));
  for (; row < end; row += 4) {
    const value = load<f32>(row);
    usable = usable && abs(value) < 72057594037927936;
    store<f32>(column, value);
    column += 32;
  }
  return usable;
}

export function isUsable(row: usize, dim: i32): bool {
  for (let i: usize = 0; i < <usize>dim; i++) if (!(abs(load<f32>(row + (i << 2))) < 72057594037927936)) return false;
  return true;
}

/** A row of x; beyond the last one it repeats it. */
export function rowOf(x: usize, row: i32, last: i32, rowBytes: usize): usize {
  return x + <usize>min(row, last) * rowBytes;
}

/**
 * The code with the highest score ⟨x, code⟩ + bias for each token, lowest index on ties; the N × K scores never leave registers.
 *
 * Four tokens × eight codes at a time. Each lane keeps its best score and the panel it came from; a later panel must be strictly
 * better, so that a lane holds its lowest index, and the lanes are merged by (score, index). A token that is not usable (NaN, a
 * magnitude of 2^56 or more) gets index 0.
 * Units: groups of four tokens.
 */
export function nearestCode(
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
    const first = group << 2;
    const last = tokens - 1;
    const x0 = rowOf(x, first, last, rowBytes);
    const x1 = rowOf(x, first + 1, last, rowBytes);
    const x2 = rowOf(x, first + 2, last, rowBytes);
    const x3 = rowOf(x, first + 3, last, rowBytes);
    let b00 = f32x4.splat(-Infinity);
    let b01 = b00;
    let b10 = b00;
    let b11 = b00;
    let b20 = b00;
    let b21 = b00;
    let b30 = b00;
    let b31 = b00;
    let p00 = i32x4.splat(0);
    let p01 = p00;
    let p10 = p00;
    let p11 = p00;
    let p20 = p00;
    let p21 = p00;
    let p30 = p00;
    let p31 = p00;
    let panel = panels;
    for (let p = 0; p < panelCount; p++) {
      let c00 = v128.load(panel);
      let c01 = v128.load(panel, 16);
      let c10 = c00;
      let c11 = c01;
      let c20 = c00;
      let c21 = c01;
      let c30 = c00;
      let c31 = c01;
      panel += 32;
      for (let j: usize = 0; j < rowBytes; j += 4) {
        const w0 = v128.load(panel);
        const w1 = v128.load(panel, 16);
        const v0 = v128.load32_splat(x0 + j);
        const v1 = v128.load32_splat(x1 + j);
        const v2 = v128.load32_splat(x2 + j);
        const v3 = v128.load32_splat(x3 + j);
        c00 = f32x4.add(c00, f32x4.mul(v0, w0));
        c01 = f32x4.add(c01, f32x4.mul(v0, w1));
        c10 = f32x4.add(c10, f32x4.mul(v1, w0));
        c11 = f32x4.add(c11, f32x4.mul(v1, w1));
        c20 = f32x4.add(c20, f32x4.mul(v2, w0));
        c21 = f32x4.add(c21, f32x4.mul(v2, w1));
        c30 = f32x4.add(c30, f32x4.mul(v3, w0));
        c31 = f32x4.add(c31, f32x4.mul(v3, w1));
        panel += 32;
      }
      const here = i32x4.splat(p);
      let better = f32x4.gt(c00, b00);
      b00 = v128.bitselect(c00, b00, better);
      p00 = v128.bitselect(here, p00, better);
      better = f32x4.gt(c01, b01);
      b01 = v128.bitselect(c01, b01, better);
      p01 = v128.bitselect(here, p01, better);
      better = f32x4.gt(c10, b10);
      b10 = v128.bitselect(c10, b10, better);
      p10 = v128.bitselect(here, p10, better);
      better = f32x4.gt(c11, b11);
      b11 = v128.bitselect(c11, b11, better);
      p11 = v128.bitselect(here, p11, better);
      better = f32x4.gt(c20, b20);
      b20 = v128.bitselect(c20, b20, better);
      p20 = v128.bitselect(here, p20, better);
      better = f32x4.gt(c21, b21);
      b21 = v128.bitselect(c21, b21, better);
      p21 = v128.bitselect(here, p21, better);
      better = f32x4.gt(c30, b30);
      b30 = v128.bitselect(c30, b30, better);
      p30 = v128.bitselect(here, p30, better);
      better = f32x4.gt(c31, b31);
      b31 = v128.bitselect(c31, b31, better);
      p31 = v128.bitselect(here, p31, better);
    }
    const to = indices + ((<usize>first) << 2);
    store<i32>(to, isUsable(x0, dim) ? lowestBest(b00, b01, p00, p01) : 0);
    if (first < last) store<i32>(to, isUsable(x1, dim) ? lowestBest(b10, b11, p10, p11) : 0, 4);
    if (first + 1 < last) store<i32>(to, isUsable(x2, dim) ? lowestBest(b20, b21, p20, p21) : 0, 8);
    if (first + 2 < last) store<i32>(to, isUsable(x3, dim) ? lowestBest(b30, b31, p30, p31) : 0, 12);
  }
}

/** The index of the highest of eight scores, the lowest index among equals; index = panel · 8 + lane. */
function lowestBest(b0: v128, b1: v128, p0: v128, p1: v128): i32 {
  const m = f32x4.max(b0, b1);
  const m2 = f32x4.max(m, v128.shuffle<i32>(m, m, 2, 3, 0, 1));
  const top = f32x4.max(m2, v128.shuffle<i32>(m2, m2, 1, 0, 3, 2));
  const lanes = i32x4(0, 1, 2, 3);
  const none = i32x4.splat(i32.MAX_VALUE);
  const i0 = i32x4.add(i32x4.shl(p0, 3), lanes);
  const i1 = i32x4.add(i32x4.shl(p1, 3), i32x4.add(lanes, i32x4.splat(4)));
  const n = i32x4.min_s(v128.bitselect(i0, none, f32x4.eq(b0, top)), v128.bitselect(i1, none, f32x4.eq(b1, top)));
  const n2 = i32x4.min_s(n, v128.shuffle<i32>(n, n, 2, 3, 0, 1));
  return i32x4.extract_lane(i32x4.min_s(n2, v128.shuffle<i32>(n2, n2, 1, 0, 3, 2)), 0);
}
