/** Indices of one unit of work. */
const BLOCK: i32 = 4096;

/** Indices in [0, 2^bits) with the order of their bits reversed, others as they are. Units: blocks of 4,096. */
export function reverseBits(
  indices: usize,
  out: usize,
  bits: i32,
  count: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const size = i32x4.splat(1 << bits);
  const unused = 32 - bits;
  const stop = (<usize>min(count, end * BLOCK)) << 2;
  const whole = stop & ~15;
  let at = (<usize>(begin * BLOCK)) << 2;
  for (; at < whole; at += 16) {
    const index = v128.load(indices + at);
    v128.store(out + at, v128.bitselect(reversed(index, unused), index, i32x4.lt_u(index, size)));
  }
  for (; at < stop; at += 4) {
    const index = v128.load32_splat(indices + at);
    const found = v128.bitselect(reversed(index, unused), index, i32x4.lt_u(index, size));
    store<i32>(out + at, i32x4.extract_lane(found, 0));
  }
}

/** The 32 bits of each lane in reverse order, then `unused` of them shifted out. */
function reversed(x: v128, unused: i32): v128 {
  const bytes = v128.swizzle(x, i8x16(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
  const fours = swapped(bytes, 4, 0x0f0f0f0f);
  const twos = swapped(fours, 2, 0x33333333);
  return i32x4.shr_u(swapped(twos, 1, 0x55555555), unused);
}

function swapped(x: v128, by: i32, mask: i32): v128 {
  const low = i32x4.splat(mask);
  return v128.or(v128.and(i32x4.shr_u(x, by), low), i32x4.shl(v128.and(x, low), by));
}
