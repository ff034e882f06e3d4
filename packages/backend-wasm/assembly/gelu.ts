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

function value(x: v128): v128 {
  const cdf = f32x4.add(erf(f32x4.mul(x, f32x4.splat(<f32>Math.SQRT1_2))), f32x4.splat(1));
  return f32x4.mul(x, f32x4.mul(cdf, f32x4.splat(0.5)));
}

/**
 * Φ(x) + x φ(x) of four lanes. Less one half it is odd, and ±½ for large |x|: x · P(x²) / Q(x²), a rational fit of degree 5/6 on
 * |x| < 5.6 (absolute error 6e-8; 3e-7 after float32 rounding).
 */
function slope(x: v128): v128 {
  const t = f32x4.mul(x, x);
  let p = f32x4.splat(8.236059976173754e-8);
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(3.376571330942972e-5));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-2.340385931565796e-5));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(1.422855093448458e-2));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-3.388690036388167e-2));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.7978850261674428));
  let q = f32x4.splat(-1.1694163251224509e-8);
  q = f32x4.add(f32x4.mul(q, t), f32x4.splat(7.481375019915594e-6));
  q = f32x4.add(f32x4.mul(q, t), f32x4.splat(1.7742156846354388e-4));
  q = f32x4.add(f32x4.mul(q, t), f32x4.splat(3.332683582158835e-3));
  q = f32x4.add(f32x4.mul(q, t), f32x4.splat(3.977660695155379e-2));
  q = f32x4.add(f32x4.mul(q, t), f32x4.splat(0.29086733538814113));
  q = f32x4.add(f32x4.mul(q, t), f32x4.splat(1));
  const fit = f32x4.div(f32x4.mul(x, p), q);
  const half = v128.or(v128.and(x, f32x4.splat(-0.0)), f32x4.splat(0.5));
  return f32x4.add(v128.bitselect(half, fit, f32x4.ge(f32x4.abs(x), f32x4.splat(5.6))), f32x4.splat(0.5));
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
