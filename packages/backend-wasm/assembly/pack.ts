/**
 * Packs a matrix of taps · rows rows and `columns` columns into panels of 8 columns: packed[panel][row][8], zeros beyond the last
 * column. Element (tap, row, column) is read at source + tap · tapStride + row · rowStride + column · columnStride (in floats),
 * so that the same function packs a filter, its flipped transpose, and either layout of a matrix, or a batch of them. Units: panels
 * of all matrices.
 */
export function packPanels(
  source: usize,
  packed: usize,
  batchStride: i32,
  taps: i32,
  tapStride: i32,
  rows: i32,
  rowStride: i32,
  columns: i32,
  columnStride: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const panels = (columns + 7) >> 3;
  for (let unit = begin; unit < end; unit++) {
    const first = (unit % panels) * 8;
    const filled = min(8, columns - first);
    const matrix = source + <usize>(unit / panels) * ((<usize>batchStride) << 2);
    let out = packed + <usize>unit * <usize>(taps * rows) * 32;
    for (let tap = 0; tap < taps; tap++) {
      for (let row = 0; row < rows; row++) {
        const from = matrix + ((<usize>(tap * tapStride + row * rowStride + first * columnStride)) << 2);
        if (filled === 8 && columnStride === 1) {
          v128.store(out, v128.load(from));
          v128.store(out, v128.load(from, 16), 16);
        } else {
          for (let i = 0; i < 8; i++) {
            const value = i < filled ? load<f32>(from + ((<usize>(i * columnStride)) << 2)) : 0;
            store<f32>(out + ((<usize>i) << 2), value);
          }
        }
        out += 32;
      }
    }
  }
}

/** The same matrix as [column][tap][row], without padding. */
export function transposeFilter(
  source: usize,
  packed: usize,
  taps: i32,
  tapStride: i32,
  rows: i32,
  rowStride: i32,
  columns: i32,
  columnStride: i32,
): void {
  for (let column = 0; column < columns; column++) {
    for (let tap = 0; tap < taps; tap++) {
      for (let row = 0; row < rows; row++) {
        const at = tap * tapStride + row * rowStride + column * columnStride;
        store<f32>(packed, load<f32>(source + ((<usize>at) << 2)));
        packed += 4;
      }
    }
  }
}
