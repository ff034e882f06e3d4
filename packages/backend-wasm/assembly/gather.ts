/** Position of the first index outside [0, size), or -1. */
export function findOutOfRange(indices: usize, count: i32, size: i32): i32 {
  for (let i = 0; i < count; i++) {
    if (load<u32>(indices + ((<usize>i) << 2)) >= <u32>size) return i;
  }
  return -1;
}

/** Rows of one unit of work. */
const BLOCK: i32 = 512;

/** out[i] = x[indices[i]]: rows of `width` 4-byte elements of any type. Units: blocks of 512 rows. */
export function gatherRows(
  x: usize,
  indices: usize,
  out: usize,
  rows: i32,
  width: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const rowBytes = (<usize>width) << 2;
  const vectors = rowBytes & ~15;
  const last = min(rows, end * BLOCK);
  let to = out + <usize>(begin * BLOCK) * rowBytes;
  for (let row = begin * BLOCK; row < last; row++) {
    const from = x + <usize>load<i32>(indices + ((<usize>row) << 2)) * rowBytes;
    let i: usize = 0;
    for (; i < vectors; i += 16) v128.store(to + i, v128.load(from + i));
    for (; i < rowBytes; i += 4) store<u32>(to + i, load<u32>(from + i));
    to += rowBytes;
  }
}
