/** Up to so many features, a token's bits and the up to 7 before them in its first byte are within four bytes. */
const MOST_IN_WORD: i32 = 25;

/**
 * LFQ of tokens with `dim` features: codes ±scale, unless `codes` is 0, and indices whose most significant bit is feature 0.
 *
 * The signs of a group are written as a stream of bits, first feature first, at the end of the place of its indices. From there four
 * tokens at a time are taken as words, the first byte highest, and shifted to where the index is; they never overtake the stream.
 *
 * Units: groups of 32 tokens, of whole vectors and whole bytes whatever `dim` is; the last may be partial.
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
  const whole = dim <= MOST_IN_WORD ? min(end, tokens >> 5) : begin;
  if (begin < whole) quantizeGroups(x, codes, indices, scale, dim, begin, whole);
  const first = max(begin, whole) << 5;
  const stop = min(end << 5, tokens);
  if (first < stop) quantizeTokens(x, codes, indices, scale, dim, first, stop);
}

/** Whole groups, `begin` to `end`. */
function quantizeGroups(x: usize, codes: usize, indices: usize, scale: f32, dim: i32, begin: i32, end: i32): void {
  // Four tokens begin on a byte or, with an odd dim, every other time in the middle of one.
  const work = indices + ((<usize>begin) << 7);
  planWords(work, dim, 0);
  planWords(work + 32, dim, (4 * dim) & 7);
  const even = v128.load(work);
  const evenShift = v128.load(work, 16);
  const odd = v128.load(work, 32);
  const oddShift = v128.load(work, 48);
  const unused = 32 - dim;
  const groupBytes = (<usize>dim) << 7;
  const streamBytes = (<usize>dim) << 2;
  for (let group = begin; group < end; group++) {
    const source = x + <usize>group * groupBytes;
    let to = indices + ((<usize>group) << 7);
    const stream = to + 128 - streamBytes;
    let bits = stream;
    for (let at = source; at < source + groupBytes; at += 128) {
      store<u32>(bits, signBytes(at) | (signBytes(at + 64) << 16));
      bits += 4;
      if (codes) writeCodes(at, codes + (at - x), 128, scale);
    }
    // The 16 bytes up to the last one of four tokens: they begin within the place of the group.
    let last = stream - 16;
    for (let pair = 0; pair < 4; pair++) {
      const a = v128.load(last + ((<usize>dim + 1) >> 1));
      last += <usize>dim;
      const b = v128.load(last);
      v128.store(to, i32x4.shr_u(i32x4.mul(v128.swizzle(a, even), evenShift), unused));
      v128.store(to, i32x4.shr_u(i32x4.mul(v128.swizzle(b, odd), oddShift), unused), 16);
      to += 32;
    }
  }
}

/** The signs of 16 elements in two bytes, of eight the first in the highest bit. */
function signBytes(from: usize): u32 {
  const order = i8x16(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8);
  return <u32>i8x16.bitmask(v128.swizzle(positive(from), order));
}

/** A byte of -1 for each of 16 elements that is above 0, else 0. */
function positive(from: usize): v128 {
  const zero = f32x4.splat(0);
  const low = i16x8.narrow_i32x4_s(f32x4.gt(v128.load(from), zero), f32x4.gt(v128.load(from, 16), zero));
  const high = i16x8.narrow_i32x4_s(f32x4.gt(v128.load(from, 32), zero), f32x4.gt(v128.load(from, 48), zero));
  return i8x16.narrow_i16x8_s(low, high);
}

/** ±scale for `bytes` of elements, whole vectors. */
function writeCodes(from: usize, to: usize, bytes: usize, scale: f32): void {
  const zero = f32x4.splat(0);
  const plus = f32x4.splat(scale);
  const minus = f32x4.splat(-scale);
  for (let at: usize = 0; at < bytes; at += 16) {
    v128.store(to + at, v128.bitselect(plus, minus, f32x4.gt(v128.load(from + at), zero)));
  }
}

/**
 * How four tokens whose first bit is bit `first` of a byte are found in the 16 bytes up to their last one: for each token four bytes, the
 * last first, and the power of two that shifts its first bit to the top.
 */
function planWords(to: usize, dim: i32, first: i32): void {
  const bytes = (first + 4 * dim + 7) >> 3;
  for (let token = 0; token < 4; token++) {
    const bit = first + token * dim;
    for (let i = 0; i < 4; i++) {
      // Beyond the last byte there is nothing that counts, and 16 or more gives 0.
      store<u8>(to + <usize>(4 * token + i), <u8>(16 - bytes + (bit >> 3) + 3 - i));
    }
    store<i32>(to + <usize>(16 + 4 * token), 1 << (bit & 7));
  }
}

/** Tokens `first` to `stop`: the signs of 16 elements become 16 bits of a queue, from which `dim` bits at a time are an index. */
function quantizeTokens(x: usize, codes: usize, indices: usize, scale: f32, dim: i32, first: i32, stop: i32): void {
  // A mask of bits has the first lane lowest.
  const reversed = i8x16(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const elements = <usize>(stop - first) * <usize>dim;
  const source = x + ((<usize>first * <usize>dim) << 2);
  const target = codes + ((<usize>first * <usize>dim) << 2);
  const mask: u64 = ((<u64>1) << dim) - 1;
  let index = indices + ((<usize>first) << 2);
  let queue: u64 = 0;
  let queued = 0;
  const whole = (elements & ~15) << 2;
  for (let at: usize = 0; at < whole; at += 64) {
    queue = (queue << 16) | <u64>i8x16.bitmask(v128.swizzle(positive(source + at), reversed));
    queued += 16;
    while (queued >= dim) {
      queued -= dim;
      store<i32>(index, <i32>((queue >> queued) & mask));
      index += 4;
    }
  }
  if (codes) writeCodes(source, target, whole, scale);
  for (let at = whole; at < elements << 2; at += 4) {
    const above = load<f32>(source + at) > 0;
    if (codes) store<f32>(target + at, above ? scale : -scale);
    queue = (queue << 1) | <u64>above;
    if (++queued === dim) {
      queued = 0;
      store<i32>(index, <i32>(queue & mask));
      index += 4;
    }
  }
}
