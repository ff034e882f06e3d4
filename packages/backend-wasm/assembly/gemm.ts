import { shareStart } from './split';
import { addColumns } from './store';

/** Depth of one pass: its part of a panel (8 kB) stays in the first-level cache. */
const DEPTH: i32 = 256;

/**
 * out = A · B for a batch of matrices: A [rows, depth] at strides aRow and aStep (in floats, so that a transposed A is read as it
 * lies), B packed by packPanels, out [rows, columns]. Four rows × eight columns at a time.
 *
 * Rows of out are `outRow` floats apart. With `onTop` the product is added to what out holds.
 *
 * The rows are cut into blocks, and a long sum into `parts` with a partial result each, laid out [part][batch][rows][columns], for
 * addPartials. Units: batch · parts · row blocks.
 */
export function gemm(
  a: usize,
  aBatch: i32,
  aRow: i32,
  aStep: i32,
  packed: usize,
  packedBatch: i32,
  out: usize,
  batch: i32,
  rows: i32,
  columns: i32,
  depth: i32,
  parts: i32,
  blockRows: i32,
  outRow: i32,
  onTop: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const blocks = (rows + blockRows - 1) / blockRows;
  const rowBytes = (<usize>outRow) << 2;
  const aRowBytes = (<usize>aRow) << 2;
  const aStepBytes = (<usize>aStep) << 2;
  const panelBytes = (<usize>depth) << 5;
  for (let unit = begin; unit < end; unit++) {
    const block = unit % blocks;
    const part = (unit / blocks) % parts;
    const n = unit / (blocks * parts);
    const firstRow = block * blockRows;
    const lastRow = min(rows, firstRow + blockRows);
    const from = shareStart(part, parts, depth);
    const to = shareStart(part + 1, parts, depth);
    const left = a + <usize>n * ((<usize>aBatch) << 2);
    const right = packed + <usize>n * ((<usize>packedBatch) << 2);
    const result = out + <usize>(part * batch + n) * <usize>rows * rowBytes;
    for (let k = from; k < to; k += DEPTH) {
      const steps = min(DEPTH, to - k);
      for (let column = 0; column < columns; column += 8) {
        const panel = right + <usize>(column >> 3) * panelBytes + ((<usize>k) << 5);
        const stop = panel + ((<usize>steps) << 5);
        const count = min(8, columns - column);
        for (let row = firstRow; row < lastRow; row += 4) {
          // Beyond the last row the pointers repeat it.
          let a0 = left + <usize>row * aRowBytes + <usize>k * aStepBytes;
          let a1 = row + 1 < lastRow ? a0 + aRowBytes : a0;
          let a2 = row + 2 < lastRow ? a1 + aRowBytes : a1;
          let a3 = row + 3 < lastRow ? a2 + aRowBytes : a2;
          let c00 = f32x4.splat(0);
          let c01 = c00;
          let c10 = c00;
          let c11 = c00;
          let c20 = c00;
          let c21 = c00;
          let c30 = c00;
          let c31 = c00;
          for (let w = panel; w < stop; w += 32) {
            const w0 = v128.load(w);
            const w1 = v128.load(w, 16);
            const x0 = v128.load32_splat(a0);
            const x1 = v128.load32_splat(a1);
            const x2 = v128.load32_splat(a2);
            const x3 = v128.load32_splat(a3);
            c00 = f32x4.add(c00, f32x4.mul(x0, w0));
            c01 = f32x4.add(c01, f32x4.mul(x0, w1));
            c10 = f32x4.add(c10, f32x4.mul(x1, w0));
            c11 = f32x4.add(c11, f32x4.mul(x1, w1));
            c20 = f32x4.add(c20, f32x4.mul(x2, w0));
            c21 = f32x4.add(c21, f32x4.mul(x2, w1));
            c30 = f32x4.add(c30, f32x4.mul(x3, w0));
            c31 = f32x4.add(c31, f32x4.mul(x3, w1));
            a0 += aStepBytes;
            a1 += aStepBytes;
            a2 += aStepBytes;
            a3 += aStepBytes;
          }
          const target = result + <usize>row * rowBytes + ((<usize>column) << 2);
          const fresh = k === from && onTop === 0;
          addColumns(target, c00, c01, count, fresh);
          if (row + 1 < lastRow) addColumns(target + rowBytes, c10, c11, count, fresh);
          if (row + 2 < lastRow) addColumns(target + 2 * rowBytes, c20, c21, count, fresh);
          if (row + 3 < lastRow) addColumns(target + 3 * rowBytes, c30, c31, count, fresh);
        }
      }
    }
  }
}
