/** Elements of one unit of work: whole vectors, so that only the last unit has a tail. */
const BLOCK: i32 = 4096;

/** to_i = value, where `value` is an address. Units: blocks of 4,096 elements. */
export function spread(value: usize, to: usize, size: i32, begin: i32, end: i32, _worker: i32): void {
  const first = begin * BLOCK;
  const last = min(end * BLOCK, size);
  const all = v128.load32_splat(value);
  let i = first;
  for (; i + 4 <= last; i += 4) v128.store(to + ((<usize>i) << 2), all);
  for (; i < last; i++) store<f32>(to + ((<usize>i) << 2), f32x4.extract_lane(all, 0));
}

/** to_i = a_i · b_i. Units: blocks of 4,096 elements. */
export function multiply(a: usize, b: usize, to: usize, size: i32, begin: i32, end: i32, _worker: i32): void {
  const last = (<usize>min(end * BLOCK, size)) << 2;
  let at = (<usize>(begin * BLOCK)) << 2;
  for (; at + 32 <= last; at += 32) {
    v128.store(to + at, f32x4.mul(v128.load(a + at), v128.load(b + at)));
    v128.store(to + at, f32x4.mul(v128.load(a + at, 16), v128.load(b + at, 16)), 16);
  }
  for (; at < last; at += 4) store<f32>(to + at, load<f32>(a + at) * load<f32>(b + at));
}

/** to_i = a · b_i, where `a` is an address of one number. Units: blocks of 4,096 elements. */
export function scale(a: usize, b: usize, to: usize, size: i32, begin: i32, end: i32, _worker: i32): void {
  const factor = v128.load32_splat(a);
  const last = (<usize>min(end * BLOCK, size)) << 2;
  let at = (<usize>(begin * BLOCK)) << 2;
  for (; at + 32 <= last; at += 32) {
    v128.store(to + at, f32x4.mul(factor, v128.load(b + at)));
    v128.store(to + at, f32x4.mul(factor, v128.load(b + at, 16)), 16);
  }
  for (; at < last; at += 4) store<f32>(to + at, load<f32>(a) * load<f32>(b + at));
}
