import { expMinus } from './exp';

/** Elements of one unit of work. */
const BLOCK: i32 = 8192;

/** σ(x) of four lanes. */
function sigmoid(x: v128): v128 {
  const one = f32x4.splat(1);
  const e = expMinus(f32x4.abs(x));
  return f32x4.div(v128.bitselect(e, one, f32x4.lt(x, f32x4.splat(0))), f32x4.add(one, e));
}

/** σ(x) · (1 + x · (1 - σ(x))) of four lanes. */
function slope(x: v128): v128 {
  const one = f32x4.splat(1);
  const s = sigmoid(x);
  return f32x4.mul(s, f32x4.add(one, f32x4.mul(x, f32x4.sub(one, s))));
}

/** y = x σ(x). Units: blocks of 8,192 elements. */
export function silu(x: usize, y: usize, size: i32, begin: i32, end: i32, _worker: i32): void {
  let i = (<usize>(begin * BLOCK)) << 2;
  const stop = (<usize>min(size, end * BLOCK)) << 2;
  for (; i + 16 <= stop; i += 16) {
    const v = v128.load(x + i);
    v128.store(y + i, f32x4.mul(v, sigmoid(v)));
  }
  for (; i < stop; i += 4) {
    const v = v128.load32_splat(x + i);
    store<f32>(y + i, f32x4.extract_lane(f32x4.mul(v, sigmoid(v)), 0));
  }
}

/** dx = dy · (σ(x) + x σ(x) (1 - σ(x))). Units: blocks of 8,192 elements. */
export function siluGrad(dy: usize, x: usize, dx: usize, size: i32, begin: i32, end: i32, _worker: i32): void {
  let i = (<usize>(begin * BLOCK)) << 2;
  const stop = (<usize>min(size, end * BLOCK)) << 2;
  for (; i + 16 <= stop; i += 16) v128.store(dx + i, f32x4.mul(v128.load(dy + i), slope(v128.load(x + i))));
  for (; i < stop; i += 4) {
    store<f32>(dx + i, load<f32>(dy + i) * f32x4.extract_lane(slope(v128.load32_splat(x + i)), 0));
  }
}
