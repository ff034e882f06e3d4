/** Outputs of one block, two to a vector. */
const BLOCK: usize = 8;

/**
 * W x + b of each row of `x`, [rows, columns] → `y` [rows, 8 · blocks]: in float64 from b on, feature by feature, and rounded once.
 *
 * `weights` holds for each block of 8 outputs b, then a column of W for each feature, [blocks, 1 + columns, 8] in float64.
 */
export function project(x: usize, weights: usize, y: usize, rows: i32, columns: i32, blocks: i32): void {
  const rowBytes = (<usize>columns) << 2;
  const blockBytes = (<usize>(columns + 1) * BLOCK) << 3;
  const outBytes = (<usize>blocks * BLOCK) << 2;
  for (let block: usize = 0; block < <usize>blocks; block++) {
    const bias = weights + block * blockBytes;
    const to = y + ((block * BLOCK) << 2);
    // Two rows at a time, so that a weight is loaded once for both; the last of an odd number goes with itself.
    for (let row = 0; row < rows; row += 2) {
      const second = min(row + 1, rows - 1);
      projectRows(
        x + <usize>row * rowBytes,
        x + <usize>second * rowBytes,
        bias,
        to + <usize>row * outBytes,
        to + <usize>second * outBytes,
        rowBytes,
      );
    }
  }
}

/** One block of outputs of two rows. */
function projectRows(a: usize, b: usize, bias: usize, toA: usize, toB: usize, rowBytes: usize): void {
  let a0 = v128.load(bias);
  let a1 = v128.load(bias, 16);
  let a2 = v128.load(bias, 32);
  let a3 = v128.load(bias, 48);
  let b0 = a0;
  let b1 = a1;
  let b2 = a2;
  let b3 = a3;
  let at = bias;
  for (let i: usize = 0; i < rowBytes; i += 4) {
    at += 64;
    const ofA = f64x2.promote_low_f32x4(v128.load32_splat(a + i));
    const ofB = f64x2.promote_low_f32x4(v128.load32_splat(b + i));
    const w0 = v128.load(at);
    a0 = f64x2.add(a0, f64x2.mul(ofA, w0));
    b0 = f64x2.add(b0, f64x2.mul(ofB, w0));
    const w1 = v128.load(at, 16);
    a1 = f64x2.add(a1, f64x2.mul(ofA, w1));
    b1 = f64x2.add(b1, f64x2.mul(ofB, w1));
    const w2 = v128.load(at, 32);
    a2 = f64x2.add(a2, f64x2.mul(ofA, w2));
    b2 = f64x2.add(b2, f64x2.mul(ofB, w2));
    const w3 = v128.load(at, 48);
    a3 = f64x2.add(a3, f64x2.mul(ofA, w3));
    b3 = f64x2.add(b3, f64x2.mul(ofB, w3));
  }
  store4(toA, a0, a1);
  store4(toA + 16, a2, a3);
  store4(toB, b0, b1);
  store4(toB + 16, b2, b3);
}

/** Four of float64 as float32. */
function store4(to: usize, low: v128, high: v128): void {
  v128.store64_lane(to, f32x4.demote_f64x2_zero(low), 0);
  v128.store64_lane(to + 8, f32x4.demote_f64x2_zero(high), 0);
}
