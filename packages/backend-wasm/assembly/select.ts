/** Rows of one unit of work. */
const ROWS: i32 = 1024;

/**
 * out[row] = a[row] where the condition (one byte a row) holds, else b[row]; rows of `width` words, those of b of `bWidth`: as many, or
 * one for the whole row. Units: blocks of 1,024 rows.
 */
export function selectRows(
  condition: usize,
  a: usize,
  b: usize,
  out: usize,
  rows: i32,
  width: i32,
  bWidth: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const rowBytes = (<usize>width) << 2;
  const whole = rowBytes & ~15;
  const last = min(rows, end * ROWS);
  for (let row = begin * ROWS; row < last; row++) {
    const skip = <usize>row * rowBytes;
    const to = out + skip;
    const taken = load<u8>(condition + <usize>row) !== 0;
    let at: usize = 0;
    if (!taken && bWidth !== width) {
      const value = v128.load32_splat(b + ((<usize>row) << 2));
      for (; at < whole; at += 16) v128.store(to + at, value);
      for (; at < rowBytes; at += 4) v128.store_lane<u32>(to + at, value, 0);
      continue;
    }
    const from = (taken ? a : b) + skip;
    for (; at < whole; at += 16) v128.store(to + at, v128.load(from + at));
    for (; at < rowBytes; at += 4) store<u32>(to + at, load<u32>(from + at));
  }
}

/**
 * The ±scale of the bits of indices, [rows] → [rows, dim], the first the most significant. Units: blocks of 1,024 rows.
 */
export function signDecode(
  indices: usize,
  codes: usize,
  scale: f32,
  rows: i32,
  dim: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const last = min(rows, end * ROWS);
  const plus = reinterpret<u32>(scale);
  let to = codes + ((<usize>(begin * ROWS) * <usize>dim) << 2);
  for (let row = begin * ROWS; row < last; row++) {
    // A bit of 0 turns the sign, without a branch that no processor could foresee.
    const zeros = ~load<u32>(indices + ((<usize>row) << 2));
    for (let bit = dim - 1; bit >= 0; bit--, to += 4) store<u32>(to, plus ^ (((zeros >> bit) & 1) << 31));
  }
}

/** How often each of `codes` codes stands among the indices; others are not counted. One thread. */
export function codeCounts(indices: usize, counts: usize, size: i32, codes: i32): void {
  memory.fill(counts, 0, (<usize>codes) << 2);
  for (let i = 0; i < size; i++) {
    const code = load<u32>(indices + ((<usize>i) << 2));
    if (code >= <u32>codes) continue;
    const at = counts + ((<usize>code) << 2);
    store<i32>(at, load<i32>(at) + 1);
  }
}
