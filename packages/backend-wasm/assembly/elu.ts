import { expMinusOneOfRest, exponentBits } from './exp';

/** Elements of one unit of work. */
const BLOCK: i32 = 8192;

/** x above 0, else e^x - 1 with every digit of a small x kept; -1 from -86 on. NaN stays. */
function value(x: v128): v128 {
  const t = f32x4.pmin(f32x4.neg(x), f32x4.splat(86));
  const bits = exponentBits(t);
  // e^x = 2^-n e^-r, and e^-r - 1 is what is known exactly.
  const power = i32x4.sub(f32x4.splat(1), i32x4.shl(bits, 23));
  const below = f32x4.add(f32x4.mul(power, expMinusOneOfRest(t, bits)), f32x4.sub(power, f32x4.splat(1)));
  return v128.bitselect(x, below, f32x4.gt(x, f32x4.splat(0)));
}

/** y = elu(x). Units: blocks of 8,192 elements. */
export function elu(x: usize, y: usize, size: i32, begin: i32, end: i32, _worker: i32): void {
  let i = (<usize>(begin * BLOCK)) << 2;
  const stop = (<usize>min(size, end * BLOCK)) << 2;
  for (; i + 16 <= stop; i += 16) v128.store(y + i, value(v128.load(x + i)));
  for (; i < stop; i += 4) store<f32>(y + i, f32x4.extract_lane(value(v128.load32_splat(x + i)), 0));
}

/** dx = dy · (min(y, 0) + 1). Units: blocks of 8,192 elements. */
export function eluGrad(dy: usize, y: usize, dx: usize, size: i32, begin: i32, end: i32, _worker: i32): void {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  let i = (<usize>(begin * BLOCK)) << 2;
  const stop = (<usize>min(size, end * BLOCK)) << 2;
  for (; i + 16 <= stop; i += 16) {
    const slope = f32x4.add(f32x4.min(v128.load(y + i), zero), one);
    v128.store(dx + i, f32x4.mul(v128.load(dy + i), slope));
  }
  for (; i < stop; i += 4) store<f32>(dx + i, load<f32>(dy + i) * (min<f32>(load<f32>(y + i), 0) + 1));
}
