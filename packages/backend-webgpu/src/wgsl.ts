/** The bits of a float32 → an integer in the same order; 0 and -0 are equal, NaN is beyond the infinities. */
export const ORDERED: string = `
fn ordered(bits : u32) -> i32 {
  let signed = bitcast<i32>(bits);
  return select(select(signed ^ 0x7fffffff, 0, bits == 0x80000000u), signed, signed >= 0);
}`.trim();

/** By its bits: a shader compiler may take for granted that no float is NaN. */
export const IS_NAN: string = `
fn isNaN(bits : u32) -> bool {
  return (bits & 0x7fffffffu) > 0x7f800000u;
}`.trim();

/** What {@link ORDERED} gives for a number. */
export function orderedKey(value: number): number {
  const signed = new Int32Array(new Float32Array([value]).buffer)[0] as number;
  if (signed >= 0) return signed;
  return value === 0 ? 0 : signed ^ 0x7fffffff;
}

/** exp of a number from -∞ to 0, to about 1 ulp of its result; below the normal float32, 0. NaN stays NaN. */
export const EXP_NEGATIVE: string = `
fn expNegative(x : f32) -> f32 {
  if (x < -87.3) { return 0.0; }
  let n = round(x * 1.4426950408889634);
  let r = (x - n * 0.693359375) + n * 2.12194440e-4;
  let tail = ((((1.9875691500e-4 * r + 1.3981999507e-3) * r + 8.3334519073e-3) * r + 4.1665795894e-2) * r + 1.6666665459e-1) * r;
  let e = 1.0 + (r + (tail + 0.5) * r * r);
  return e * bitcast<f32>((127 + i32(n)) << 23u);
}`.trim();

/**
 * log of a number from the smallest normal float32 to 1, and log(1 + e) for 0 <= e <= 1, each to about 1 ulp of its result. A device's
 * own may be off by 2^-21 absolutely, which is all of a small logarithm.
 */
export const LOGARITHMS: string = `
fn logNormal(x : f32) -> f32 {
  let bits = bitcast<i32>(x);
  let exponent = (bits - 0x3f3504f3) >> 23u;
  let m = bitcast<f32>(bits - (exponent << 23u)) - 1.0;
  let s = m / (2.0 + m);
  let t = s * s;
  let series = t * (0.6666666667 + t * (0.4 + t * (0.2857142857 + t * (0.2222222222 + t * 0.1818181818))));
  let e = f32(exponent);
  return e * 0.693359375 + (m - (m * m * 0.5 - (s * (m * m * 0.5 + series) - e * 2.12194440e-4)));
}

fn logOnePlus(e : f32) -> f32 {
  let s = e / (2.0 + e);
  let t = s * s;
  return 2.0 * s * (1.0 + t * (0.3333333333 + t * (0.2 + t * (0.1428571429 + t * (0.1111111111 + t * (0.0909090909 + t * (0.0769230769 + t * 0.0666666667)))))));
}`.trim();

/** σ of log-odds from e = exp(-|z|), with every digit of a small probability. NaN stays NaN. */
export const SIGMOID: string = `
fn sigmoid(z : f32, e : f32) -> f32 {
  return select(1.0, e, z < 0.0) / (1.0 + e);
}`.trim();
