/**
 * LFQ of tokens with `dim` features: codes ±scale, unless `codes` is 0, and indices whose most significant bit is feature 0.
 *
 * The signs of 16 elements become 16 bits, appended to a queue from which `dim` bits at a time are an index.
 * Units: groups of 64 tokens, of whole vectors whatever `dim` is; the last may be partial.
 */
export function signQuantize(
  x: usize,
  codes: usize,
  indices: usize,
  scale: f32,
  tokens: i32,
  dim: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const zero = f32x4.splat(0);
  const plus = f32x4.splat(scale);
  const minus = f32x4.splat(-scale);
  // A mask of bits has the first lane lowest.
  const reversed = i8x16(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const first = begin << 6;
  const stop = min(end << 6, tokens);
  const elements = <usize>(stop - first) * <usize>dim;
  const source = x + ((<usize>first * <usize>dim) << 2);
  const target = codes + ((<usize>first * <usize>dim) << 2);
  const mask: u64 = ((<u64>1) << dim) - 1;
  let index = indices + ((<usize>first) << 2);
  let queue: u64 = 0;
  let queued = 0;
  const whole = (elements & ~15) << 2;
  for (let at: usize = 0; at < whole; at += 64) {
    const p0 = f32x4.gt(v128.load(source + at), zero);
    const p1 = f32x4.gt(v128.load(source + at, 16), zero);
    const p2 = f32x4.gt(v128.load(source + at, 32), zero);
    const p3 = f32x4.gt(v128.load(source + at, 48), zero);
    if (codes) {
      v128.store(target + at, v128.bitselect(plus, minus, p0));
      v128.store(target + at, v128.bitselect(plus, minus, p1), 16);
      v128.store(target + at, v128.bitselect(plus, minus, p2), 32);
      v128.store(target + at, v128.bitselect(plus, minus, p3), 48);
    }
    const bytes = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(p0, p1), i16x8.narrow_i32x4_s(p2, p3));
    queue = (queue << 16) | <u64>i8x16.bitmask(v128.swizzle(bytes, reversed));
    queued += 16;
    while (queued >= dim) {
      queued -= dim;
      store<i32>(index, <i32>((queue >> queued) & mask));
      index += 4;
    }
  }
  for (let at = whole; at < elements << 2; at += 4) {
    const positive = load<f32>(source + at) > 0;
    if (codes) store<f32>(target + at, positive ? scale : -scale);
    queue = (queue << 1) | <u64>positive;
    if (++queued === dim) {
      queued = 0;
      store<i32>(index, <i32>(queue & mask));
      index += 4;
    }
  }
}
