/** Stores the first `count` (1 to 8) of eight floats. */
export function storeColumns(to: usize, low: v128, high: v128, count: i32): void {
  if (count === 8) {
    v128.store(to, low);
    v128.store(to, high, 16);
  } else storeFew(to, low, high, count);
}

// On their own, so that the usual case is small enough to be compiled into every loop.
function storeFew(to: usize, low: v128, high: v128, count: i32): void {
  if (count >= 4) {
    v128.store(to, low);
    to += 16;
    low = high;
    count -= 4;
  }
  if (count > 0) store<f32>(to, f32x4.extract_lane(low, 0));
  if (count > 1) store<f32>(to, f32x4.extract_lane(low, 1), 4);
  if (count > 2) store<f32>(to, f32x4.extract_lane(low, 2), 8);
}

/** Loads the first `count` (0 to 4 or more) floats, zeros after them. */
export function loadColumns(from: usize, count: i32): v128 {
  return count >= 4 ? v128.load(from) : loadFew(from, count);
}

function loadFew(from: usize, count: i32): v128 {
  let v = f32x4.splat(0);
  if (count > 0) v = f32x4.replace_lane(v, 0, load<f32>(from));
  if (count > 1) v = f32x4.replace_lane(v, 1, load<f32>(from, 4));
  if (count > 2) v = f32x4.replace_lane(v, 2, load<f32>(from, 8));
  return v;
}

/** Adds to the first `count` floats, or stores them when `fresh`. */
export function addColumns(to: usize, low: v128, high: v128, count: i32, fresh: bool): void {
  if (!fresh) {
    low = f32x4.add(low, loadColumns(to, count));
    high = f32x4.add(high, loadColumns(to + 16, count - 4));
  }
  storeColumns(to, low, high, count);
}

/** Adds to four floats. */
export function addFour(to: usize, v: v128): void {
  v128.store(to, f32x4.add(v128.load(to), v));
}

/** The sum of the four lanes, in a fixed order. */
export function sumLanes(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}
