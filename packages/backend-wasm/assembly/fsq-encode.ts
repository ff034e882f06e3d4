import { column } from './columns';

/**
 * The indices of FSQ without the codes, of tokens with `dim` features: a feature of four tokens is one vector, so that a level is
 * counted where it belongs in the index. The table has for each feature the number of its thresholds, its basis, and the thresholds,
 * each four times. NaN reaches no threshold.
 *
 * Units: groups of 16 tokens, which share every threshold that is loaded; the last may be partial.
 */
export function fsqEncode(
  z: usize,
  indices: usize,
  table: usize,
  tokens: i32,
  dim: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const width = (<usize>dim) << 2;
  const whole = min(end, tokens >> 4);
  let group = begin;
  for (; group < whole; group++) {
    const from = z + ((<usize>group * width) << 4);
    let entry = table;
    let i0 = i32x4.splat(0);
    let i1 = i0;
    let i2 = i0;
    let i3 = i0;
    for (let at = from; at < from + width; at += 4) {
      const z0 = column(at, width);
      const z1 = column(at + 4 * width, width);
      const z2 = column(at + 8 * width, width);
      const z3 = column(at + 12 * width, width);
      const basis = v128.load(entry, 16);
      const last = lastThreshold(entry);
      // Minus the level: a comparison that holds is -1.
      let l0 = i32x4.splat(0);
      let l1 = l0;
      let l2 = l0;
      let l3 = l0;
      for (let t = entry + 32; t < last; t += 16) {
        const threshold = v128.load(t);
        l0 = i32x4.add(l0, f32x4.ge(z0, threshold));
        l1 = i32x4.add(l1, f32x4.ge(z1, threshold));
        l2 = i32x4.add(l2, f32x4.ge(z2, threshold));
        l3 = i32x4.add(l3, f32x4.ge(z3, threshold));
      }
      i0 = i32x4.sub(i0, i32x4.mul(l0, basis));
      i1 = i32x4.sub(i1, i32x4.mul(l1, basis));
      i2 = i32x4.sub(i2, i32x4.mul(l2, basis));
      i3 = i32x4.sub(i3, i32x4.mul(l3, basis));
      entry = last;
    }
    const to = indices + ((<usize>group) << 6);
    v128.store(to, i0);
    v128.store(to, i1, 16);
    v128.store(to, i2, 32);
    v128.store(to, i3, 48);
  }
  if (group < end) encodeRest(z, indices, table, group << 4, tokens, width);
}

function lastThreshold(entry: usize): usize {
  return entry + 32 + ((<usize>load<i32>(entry)) << 4);
}

/** The tokens after the last whole group. */
function encodeRest(z: usize, indices: usize, table: usize, first: i32, tokens: i32, width: usize): void {
  for (let token = first; token < tokens; token++) {
    const from = z + <usize>token * width;
    let entry = table;
    let index = 0;
    for (let at = from; at < from + width; at += 4) {
      const x = load<f32>(at);
      const last = lastThreshold(entry);
      let level = 0;
      for (let t = entry + 32; t < last; t += 16) level += i32(x >= load<f32>(t));
      index += level * load<i32>(entry, 16);
      entry = last;
    }
    store<i32>(indices + ((<usize>token) << 2), index);
  }
}
