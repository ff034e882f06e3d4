/**
 * Adds neighbouring taps of a filter: target[ty, tx] = Σ over a, b in {0, 1} of source[baseY + stepY · ty + a, baseX + stepX · tx + b],
 * taps outside the source being zero. A tap is a matrix [rows, columns]; that of the source is read at the given strides (in floats).
 */
export function combineTaps(
  source: usize,
  target: usize,
  sourceHeight: i32,
  sourceWidth: i32,
  targetHeight: i32,
  targetWidth: i32,
  baseY: i32,
  stepY: i32,
  baseX: i32,
  stepX: i32,
  rows: i32,
  columns: i32,
  rowStride: i32,
  columnStride: i32,
): void {
  const tap = <usize>(rows * columns);
  let to = target;
  memory.fill(target, 0, (<usize>(targetHeight * targetWidth) * tap) << 2);
  for (let ty = 0; ty < targetHeight; ty++) {
    for (let tx = 0; tx < targetWidth; tx++) {
      for (let y = baseY + stepY * ty; y < baseY + stepY * ty + 2; y++) {
        for (let x = baseX + stepX * tx; x < baseX + stepX * tx + 2; x++) {
          if (y < 0 || y >= sourceHeight || x < 0 || x >= sourceWidth) continue;
          const from = source + ((<usize>(y * sourceWidth + x) * tap) << 2);
          for (let row = 0; row < rows; row++) {
            for (let column = 0; column < columns; column++) {
              const at = to + ((<usize>(row * columns + column)) << 2);
              const value = load<f32>(from + ((<usize>(row * rowStride + column * columnStride)) << 2));
              store<f32>(at, load<f32>(at) + value);
            }
          }
        }
      }
      to += tap << 2;
    }
  }
}
