/** Adding it leaves a number near 0 rounded to a whole one, in the lowest bits: 1.5 · 2^23. */
const ROUND: f32 = 12582912;

/** n of e^-t = 2^-n e^-r with t = n ln 2 + r: the nearest whole number to t / ln 2, in the lowest bits. t is from 0 to 86. */
export function exponentBits(t: v128): v128 {
  return f32x4.add(f32x4.mul(t, f32x4.splat(1.4426950408889634)), f32x4.splat(ROUND));
}

/** e^-r - 1, every digit of a small r kept. */
export function expMinusOneOfRest(t: v128, exponentBits: v128): v128 {
  const n = f32x4.sub(exponentBits, f32x4.splat(ROUND));
  // ln 2 in two parts, of which the first times n is exact.
  let r = f32x4.sub(t, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.add(r, f32x4.mul(n, f32x4.splat(2.1219444e-4)));
  let p = f32x4.splat(1.98756915e-4);
  p = f32x4.sub(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.sub(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.sub(f32x4.splat(5.0000001201e-1), f32x4.mul(p, r));
  return f32x4.sub(f32x4.mul(f32x4.mul(p, r), r), r);
}

/**
 * e^-x of four lanes for x >= 0, relative error 1e-7; 0 from x = 85 on, so that neither it nor its product with a number near 1 is
 * denormal. NaN stays.
 */
export function expMinus(x: v128): v128 {
  const t = f32x4.pmin(x, f32x4.splat(86));
  const bits = exponentBits(t);
  const p = f32x4.add(expMinusOneOfRest(t, bits), f32x4.splat(1));
  const e = i32x4.sub(p, i32x4.shl(bits, 23));
  return v128.or(v128.andnot(e, f32x4.gt(x, f32x4.splat(85))), f32x4.ne(x, x));
}

/** log(1 + f) + k ln 2 of four lanes for f in [√½ - 1, √2 - 1], relative error 1e-7. */
function logOfParts(f: v128, k: v128): v128 {
  const square = f32x4.mul(f, f);
  let p = f32x4.splat(7.0376836292e-2);
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(-1.151461031e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(1.167699874e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(-1.2420140846e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(1.4249322787e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(-1.6668057665e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(2.0000714765e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(-2.4999993993e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(3.3333331174e-1));
  p = f32x4.mul(f32x4.mul(p, f), square);
  p = f32x4.sub(p, f32x4.mul(k, f32x4.splat(2.1219444e-4)));
  p = f32x4.sub(p, f32x4.mul(square, f32x4.splat(0.5)));
  return f32x4.add(f32x4.add(f, p), f32x4.mul(k, f32x4.splat(0.693359375)));
}

/** log x of four lanes, x > 0 and not denormal, not NaN. */
export function log(x: v128): v128 {
  // The exponent that leaves a mantissa in [√½, √2).
  const k = i32x4.shr_s(i32x4.sub(x, i32x4.splat(0x3f3504f3)), 23);
  const mantissa = i32x4.sub(x, i32x4.shl(k, 23));
  return logOfParts(f32x4.sub(mantissa, f32x4.splat(1)), f32x4.convert_i32x4_s(k));
}

/** log(1 + e) of four lanes for e in [0, 1], every digit of a small e kept. */
export function logOnePlus(e: v128): v128 {
  const one = f32x4.splat(1);
  const large = f32x4.gt(e, f32x4.splat(0.41421354));
  const f = v128.bitselect(f32x4.mul(f32x4.sub(e, one), f32x4.splat(0.5)), e, large);
  return logOfParts(f, v128.and(one, large));
}
