/**
 * LFQ of tokens with `dim` features: codes ±scale, and indices whose most significant bit is feature 0.
 *
 * The signs of four elements become four bits, appended to a queue from which `dim` bits at a time are an index.
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
  const first = begin << 6;
  const stop = min(end << 6, tokens);
  const elements = <usize>(stop - first) * <usize>dim;
  const source = x + ((<usize>first * <usize>dim) << 2);
  const target = codes + ((<usize>first * <usize>dim) << 2);
  const mask: u64 = ((<u64>1) << dim) - 1;
  let index = indices + ((<usize>first) << 2);
  let queue: u64 = 0;
  let queued = 0;
  const whole = (elements & ~3) << 2;
  for (let at: usize = 0; at < whole; at += 16) {
    const positive = f32x4.gt(v128.load(source + at), zero);
    v128.store(target + at, v128.bitselect(plus, minus, positive));
    queue = (queue << 4) | <u64>i32x4.bitmask(v128.shuffle<i32>(positive, positive, 3, 2, 1, 0));
    queued += 4;
    while (queued >= dim) {
      queued -= dim;
      store<i32>(index, <i32>((queue >> queued) & mask));
      index += 4;
    }
  }
  for (let at = whole; at < elements << 2; at += 4) {
    const positive = load<f32>(source + at) > 0;
    store<f32>(target + at, positive ? scale : -scale);
    queue = (queue << 1) | <u64>positive;
    if (++queued === dim) {
      queued = 0;
      store<i32>(index, <i32>(queue & mask));
      index += 4;
    }
  }
}
