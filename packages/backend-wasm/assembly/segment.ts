/**
 * out[s] = Σ of the rows r of x whose id is s, in order of the rows; ids outside [0, segments) add nowhere. Every unit goes through all
 * ids and sums those of its share of the segments. Units: `shares`.
 */
export function segmentSum(
  x: usize,
  ids: usize,
  out: usize,
  rows: i32,
  width: i32,
  segments: i32,
  shares: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const rowBytes = (<usize>width) << 2;
  const vectors = rowBytes & ~15;
  for (let share = begin; share < end; share++) {
    const first = <i32>((<i64>share * segments) / shares);
    const last = <i32>((<i64>(share + 1) * segments) / shares);
    memory.fill(out + <usize>first * rowBytes, 0, <usize>(last - first) * rowBytes);
    for (let row = 0; row < rows; row++) {
      const id = load<i32>(ids + ((<usize>row) << 2));
      if (id < first || id >= last) continue;
      const from = x + <usize>row * rowBytes;
      const to = out + <usize>id * rowBytes;
      let i: usize = 0;
      for (; i < vectors; i += 16) v128.store(to + i, f32x4.add(v128.load(to + i), v128.load(from + i)));
      for (; i < rowBytes; i += 4) store<f32>(to + i, load<f32>(to + i) + load<f32>(from + i));
    }
  }
}
