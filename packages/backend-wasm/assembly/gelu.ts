/** Elements of one unit of work. */
const BLOCK: i32 = 8192;

/**
 * erf of four lanes: u · P(u²) / Q(u²), a rational fit of degree 5/5 on |u| <= 3.92 (relative error 2e-8; 4e-7 after float32
 * rounding), ±1 beyond, where erf rounds to 1.
 */
function erf(u: v128): v128 {
  const t = f32x4.mul(u, u);
  let p = f32x4.splat(2.050042536005486e-6);
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(2.8488257981246397e-4));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(3.765699840870495e-3));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(5.274896616311317e-2));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.1904086593445128));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(1.128379146129155));
  let q = f32x4.splat(3.809124767145232e-5);
  q = f32x4.add(f32x4.mul(q, t), f32x4.splat(1.16255201309894e-3));
  q = f32x4.add(f32x4.mul(q, t), f32x4.splat(1.496938200179169e-2));
  q = f32x4.add(f32x4.mul(q, t), f32x4.splat(0.11410997581156633));
  q = f32x4.add(f32x4.mul(q, t), f32x4.splat(0.5020780214204106));
  q = f32x4.add(f32x4.mul(q, t), f32x4.splat(1));
  const fit = f32x4.div(f32x4.mul(u, p), q);
  const sign = v128.or(v128.and(u, f32x4.splat(-0.0)), f32x4.splat(1));
  return v128.bitselect(sign, fit, f32x4.ge(f32x4.abs(u), f32x4.splat(3.92)));
}

/** e^-s of four lanes, s >= 0: 2^-k · e^-r with |r| <= ln 2 / 2, Taylor to r⁷ (5e-9). 0 beyond s = 87. */
function expNeg(s: v128): v128 {
  const k = f32x4.nearest(f32x4.mul(f32x4.min(s, f32x4.splat(87)), f32x4.splat(<f32>Math.LOG2E)));
  // ln 2 in two parts, the first with enough trailing zeros for k · part to be exact.
  let r = f32x4.sub(s, f32x4.mul(k, f32x4.splat(0.693359375)));
  r = f32x4.add(r, f32x4.mul(k, f32x4.splat(2.1219444005469057e-4)));
  let p = f32x4.splat(-1.0 / 5040);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0 / 720));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(-1.0 / 120));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0 / 24));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(-1.0 / 6));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(0.5));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.sub(i32x4.splat(127), i32x4.trunc_sat_f32x4_s(k)), 23);
  const value = f32x4.mul(p, power);
  return v128.andnot(value, f32x4.gt(s, f32x4.splat(87)));
}

function cdf(x: v128): v128 {
  return f32x4.mul(f32x4.add(erf(f32x4.mul(x, f32x4.splat(<f32>Math.SQRT1_2))), f32x4.splat(1)), f32x4.splat(0.5));
}

function value(x: v128): v128 {
  return f32x4.mul(x, cdf(x));
}

function slope(x: v128): v128 {
  const density = f32x4.mul(expNeg(f32x4.mul(f32x4.mul(x, x), f32x4.splat(0.5))), f32x4.splat(0.3989422804014327));
  return f32x4.add(cdf(x), f32x4.mul(x, density));
}

/** y = x Φ(x). Units: blocks of 8,192 elements. */
export function gelu(x: usize, y: usize, size: i32, begin: i32, end: i32, _worker: i32): void {
  let i = (<usize>(begin * BLOCK)) << 2;
  const stop = (<usize>min(size, end * BLOCK)) << 2;
  for (; i + 16 <= stop; i += 16) v128.store(y + i, value(v128.load(x + i)));
  for (; i < stop; i += 4) store<f32>(y + i, f32x4.extract_lane(value(v128.load32_splat(x + i)), 0));
}

/** dx = dy · (Φ(x) + x φ(x)). Units: blocks of 8,192 elements. */
export function geluGrad(dy: usize, x: usize, dx: usize, size: i32, begin: i32, end: i32, _worker: i32): void {
  let i = (<usize>(begin * BLOCK)) << 2;
  const stop = (<usize>min(size, end * BLOCK)) << 2;
  for (; i + 16 <= stop; i += 16) v128.store(dx + i, f32x4.mul(v128.load(dy + i), slope(v128.load(x + i))));
  for (; i < stop; i += 4) {
    store<f32>(dx + i, load<f32>(dy + i) * f32x4.extract_lane(slope(v128.load32_splat(x + i)), 0));
  }
}
