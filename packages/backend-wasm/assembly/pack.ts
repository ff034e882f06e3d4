/**
 * Packs a matrix of taps · rows rows and `columns` columns into panels of 8 columns: packed[panel][row][8], zeros beyond the last
 * column. Element (tap, row, column) is read at source + tap · tapStride + row · rowStride + column · columnStride (in floats),
 * so that the same function packs a filter, its flipped transpose, and either layout of a matrix. Units: panels.
 */
export function packPanels(
  source: usize,
  packed: usize,
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
  for (let panel = begin; panel < end; panel++) {
    const first = panel * 8;
    const filled = min(8, columns - first);
    let out = packed + <usize>panel * <usize>(taps * rows) * 32;
    for (let tap = 0; tap < taps; tap++) {
      for (let row = 0; row < rows; row++) {
        const from = source + ((<usize>(tap * tapStride + row * rowStride + first * columnStride)) << 2);
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
