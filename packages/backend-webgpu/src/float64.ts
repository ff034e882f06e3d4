/**
 * float64 in integers, which every device computes exactly: `(a - b)²` of two float32 and sums of such, each rounded to the nearest float64
 * as IEEE 754 asks, ties to even. Their range makes do without infinities, NaN and numbers below the normal ones.
 */
export const FLOAT64: string = `
// (high · 2^32 + low) · 2^exponent, high from 2^20 to 2^21 - 1: 53 bits. Zero has the lowest exponent.
struct Float64 {
  exponent : i32,
  high : u32,
  low : u32,
}

const ZERO = Float64(-100000, 0u, 0u);
const FAR = Float64(100000, 0u, 0u);

fn less(a : Float64, b : Float64) -> bool {
  if (a.exponent != b.exponent) { return a.exponent < b.exponent; }
  if (a.high != b.high) { return a.high < b.high; }
  return a.low < b.low;
}

// 64 bits shifted to the right; what falls off sets the last bit.
fn shiftedRight(bits : vec2<u32>, by : u32) -> vec2<u32> {
  if (by == 0u) { return bits; }
  if (by < 32u) {
    let lost = u32((bits.y << (32u - by)) != 0u);
    return vec2<u32>(bits.x >> by, (bits.x << (32u - by)) | (bits.y >> by) | lost);
  }
  if (by == 32u) { return vec2<u32>(0u, bits.x | u32(bits.y != 0u)); }
  if (by < 64u) {
    let lost = u32((bits.x << (64u - by)) != 0u || bits.y != 0u);
    return vec2<u32>(0u, (bits.x >> (by - 32u)) | lost);
  }
  return vec2<u32>(0u, u32(bits.x != 0u || bits.y != 0u));
}

// 64 bits (x above y) times 2^exponent. Where the last bit stands for what fell off below, at most three bits above are 0.
fn rounded(bits : vec2<u32>, exponent : i32) -> Float64 {
  if (bits.x == 0u && bits.y == 0u) { return ZERO; }
  var top = bits;
  var scale = exponent;
  if (top.x == 0u) {
    top = vec2<u32>(top.y, 0u);
    scale -= 32;
  }
  let zeros = countLeadingZeros(top.x);
  if (zeros > 0u) { top = vec2<u32>((top.x << zeros) | (top.y >> (32u - zeros)), top.y << zeros); }
  scale += 11 - i32(zeros);
  let rest = top.y & 0x7ffu;
  var low = (top.y >> 11u) | (top.x << 21u);
  var high = top.x >> 11u;
  if (rest > 0x400u || (rest == 0x400u && (low & 1u) == 1u)) {
    low += 1u;
    high += u32(low == 0u);
    if (high == 0x200000u) {
      high = 0x100000u;
      scale += 1;
    }
  }
  return Float64(scale, high, low);
}

fn mantissa(bits : u32) -> u32 {
  return (bits & 0x7fffffu) | select(0x800000u, 0u, (bits & 0x7f800000u) == 0u);
}

fn exponentOf(bits : u32) -> i32 {
  return i32(max((bits >> 23u) & 0xffu, 1u));
}

// |a - b| of the bits of two float32.
fn difference(a : u32, b : u32) -> Float64 {
  let swapped = (a & 0x7fffffffu) < (b & 0x7fffffffu);
  let large = select(a, b, swapped);
  let small = select(b, a, swapped);
  let wide = vec2<u32>(mantissa(large) << 6u, 0u);
  let apart = exponentOf(large) - exponentOf(small);
  let other = shiftedRight(vec2<u32>(mantissa(small) << 6u, 0u), u32(apart));
  let exponent = exponentOf(large) - 188;
  if ((a >> 31u) != (b >> 31u)) {
    let low = wide.y + other.y;
    return rounded(vec2<u32>(wide.x + other.x + u32(low < other.y), low), exponent);
  }
  return rounded(vec2<u32>(wide.x - other.x - u32(wide.y < other.y), wide.y - other.y), exponent);
}

fn product(a : u32, b : u32) -> vec2<u32> {
  let lows = (a & 0xffffu) * (b & 0xffffu);
  let first = (a >> 16u) * (b & 0xffffu) + (lows >> 16u);
  let second = (a & 0xffffu) * (b >> 16u) + (first & 0xffffu);
  return vec2<u32>((a >> 16u) * (b >> 16u) + (first >> 16u) + (second >> 16u), (second << 16u) | (lows & 0xffffu));
}

fn squared(a : Float64) -> Float64 {
  let lows = product(a.low, a.low);
  let mixed = product(a.high, a.low);
  let highs = product(a.high, a.high);
  // Four words of 32 bits: highs · 2^64 + 2 · mixed · 2^32 + lows.
  var w1 = lows.x;
  var w2 = highs.y;
  var w3 = highs.x;
  for (var twice = 0u; twice < 2u; twice++) {
    w1 += mixed.y;
    let carried = u32(w1 < mixed.y);
    w2 += mixed.x;
    w3 += u32(w2 < mixed.x);
    w2 += carried;
    w3 += u32(w2 < carried);
  }
  let lost = u32(((w1 << 22u) | lows.y) != 0u);
  return rounded(vec2<u32>((w3 << 22u) | (w2 >> 10u), (w2 << 22u) | (w1 >> 10u) | lost), 2 * a.exponent + 42);
}

// Of two numbers that are not negative.
fn added(a : Float64, b : Float64) -> Float64 {
  let swapped = a.exponent < b.exponent;
  var large = a;
  var small = b;
  if (swapped) {
    large = b;
    small = a;
  }
  let wide = vec2<u32>((large.high << 10u) | (large.low >> 22u), large.low << 10u);
  let bits = vec2<u32>((small.high << 10u) | (small.low >> 22u), small.low << 10u);
  let other = shiftedRight(bits, u32(large.exponent - small.exponent));
  let low = wide.y + other.y;
  return rounded(vec2<u32>(wide.x + other.x + u32(low < other.y), low), large.exponent - 10);
}`.trim();
