/** One feature of four tokens, whose rows are `width` bytes apart. */
export function column(at: usize, width: usize): v128 {
  const two = v128.load_lane<f32>(at + width, v128.load32_zero(at), 1);
  return v128.load_lane<f32>(at + 3 * width, v128.load_lane<f32>(at + 2 * width, two, 2), 3);
}

/** Stores one feature (or index) of four tokens. */
export function storeColumn(at: usize, width: usize, values: v128): void {
  v128.store_lane<u32>(at, values, 0);
  v128.store_lane<u32>(at + width, values, 1);
  v128.store_lane<u32>(at + 2 * width, values, 2);
  v128.store_lane<u32>(at + 3 * width, values, 3);
}

/** Bytes of one layer's indices of 16 tokens. */
export const LINE: usize = 64;

/** Writes lines of 16 tokens' indices, one line per layer, as rows of `layers` indices. */
export function storeIndices(lines: usize, indices: usize, layers: i32): void {
  const width = (<usize>layers) << 2;
  for (let at: usize = 0; at < width; at += 4) {
    const to = indices + at;
    storeColumn(to, width, v128.load(lines));
    storeColumn(to + 4 * width, width, v128.load(lines, 16));
    storeColumn(to + 8 * width, width, v128.load(lines, 32));
    storeColumn(to + 12 * width, width, v128.load(lines, 48));
    lines += LINE;
  }
}
