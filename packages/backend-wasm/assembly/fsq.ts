/** One phase of the table: its number of thresholds (as an integer in a vector of its own), thresholds, centers, steps, basis. */
function phaseBytes(rows: i32): usize {
  return (<usize>(rows + 4)) << 4;
}

function lanesOf(table: usize): i32 {
  return load<i32>(table);
}

/** [Σ a, Σ b, Σ c, Σ d], each over its four lanes. */
function sums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 2, 4, 6), v128.shuffle<i32>(a, b, 1, 3, 5, 7));
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 2, 4, 6), v128.shuffle<i32>(c, d, 1, 3, 5, 7));
  return i32x4.add(v128.shuffle<i32>(ab, cd, 0, 2, 4, 6), v128.shuffle<i32>(ab, cd, 1, 3, 5, 7));
}

/**
 * FSQ of groups of four tokens with `dim` features: codes and the integer index of each token.
 *
 * A group is `dim` vectors of four elements; the table has one phase per vector, which holds for the four features in it the
 * thresholds in `rows` vectors (NaN where a feature has fewer), then centers, steps and basis. The level of an element is the
 * number of thresholds it has reached; comparing with NaN is false.
 *
 * Units: groups of four tokens; the last may be partial. `lines` is 16 · dim bytes per worker.
 */
export function fsqQuantize(
  z: usize,
  codes: usize,
  indices: usize,
  table: usize,
  lines: usize,
  tokens: i32,
  dim: i32,
  rows: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const groupBytes = (<usize>dim) << 4;
  const phase = phaseBytes(rows);
  lines += <usize>worker * groupBytes;
  const whole = min(end, tokens >> 2);
  let group = begin;
  if ((dim & 3) === 0) {
    // Each vector lies in one token, so that four tokens share every threshold.
    const tokenBytes = (<usize>dim) << 2;
    for (; group < whole; group++) {
      const from = z + <usize>group * groupBytes;
      const to = codes + <usize>group * groupBytes;
      let i0 = i32x4.splat(0);
      let i1 = i0;
      let i2 = i0;
      let i3 = i0;
      let entry = table;
      for (let at: usize = 0; at < tokenBytes; at += 16) {
        const z0 = v128.load(from + at);
        const z1 = v128.load(from + at + tokenBytes);
        const z2 = v128.load(from + at + 2 * tokenBytes);
        const z3 = v128.load(from + at + 3 * tokenBytes);
        let l0 = i32x4.splat(0);
        let l1 = l0;
        let l2 = l0;
        let l3 = l0;
        const last = entry + 16 + ((<usize>lanesOf(entry)) << 4);
        for (let t = entry + 16; t < last; t += 16) {
          const threshold = v128.load(t);
          l0 = i32x4.sub(l0, f32x4.ge(z0, threshold));
          l1 = i32x4.sub(l1, f32x4.ge(z1, threshold));
          l2 = i32x4.sub(l2, f32x4.ge(z2, threshold));
          l3 = i32x4.sub(l3, f32x4.ge(z3, threshold));
        }
        const tail = entry + phase - 48;
        const center = v128.load(tail);
        const step = v128.load(tail, 16);
        const basis = v128.load(tail, 32);
        v128.store(to + at, f32x4.mul(f32x4.sub(f32x4.convert_i32x4_s(l0), center), step));
        v128.store(to + at + tokenBytes, f32x4.mul(f32x4.sub(f32x4.convert_i32x4_s(l1), center), step));
        v128.store(to + at + 2 * tokenBytes, f32x4.mul(f32x4.sub(f32x4.convert_i32x4_s(l2), center), step));
        v128.store(to + at + 3 * tokenBytes, f32x4.mul(f32x4.sub(f32x4.convert_i32x4_s(l3), center), step));
        i0 = i32x4.add(i0, i32x4.mul(l0, basis));
        i1 = i32x4.add(i1, i32x4.mul(l1, basis));
        i2 = i32x4.add(i2, i32x4.mul(l2, basis));
        i3 = i32x4.add(i3, i32x4.mul(l3, basis));
        entry += phase;
      }
      v128.store(indices + ((<usize>group) << 4), sums(i0, i1, i2, i3));
    }
  } else {
    for (; group < whole; group++) {
      const from = z + <usize>group * groupBytes;
      const to = codes + <usize>group * groupBytes;
      let entry = table;
      for (let at: usize = 0; at < groupBytes; at += 16) {
        const x = v128.load(from + at);
        let level = i32x4.splat(0);
        const last = entry + 16 + ((<usize>lanesOf(entry)) << 4);
        for (let t = entry + 16; t < last; t += 16) level = i32x4.sub(level, f32x4.ge(x, v128.load(t)));
        const tail = entry + phase - 48;
        v128.store(to + at, f32x4.mul(f32x4.sub(f32x4.convert_i32x4_s(level), v128.load(tail)), v128.load(tail, 16)));
        v128.store(lines + at, i32x4.mul(level, v128.load(tail, 32)));
        entry += phase;
      }
      let line = lines;
      for (let token = 0; token < 4; token++) {
        let index = 0;
        for (let i = 0; i < dim; i++, line += 4) index += load<i32>(line);
        store<i32>(indices + ((<usize>((group << 2) + token)) << 2), index);
      }
    }
  }
  if (group < end) quantizeRest(z, codes, indices, table, group << 2, tokens, dim, rows);
}

/** The tokens after the last whole group, one element at a time. */
function quantizeRest(
  z: usize,
  codes: usize,
  indices: usize,
  table: usize,
  first: i32,
  tokens: i32,
  dim: i32,
  rows: i32,
): void {
  const phase = phaseBytes(rows);
  for (let token = first; token < tokens; token++) {
    let index = 0;
    for (let i = 0; i < dim; i++) {
      const element = (<usize>(token * dim + i)) << 2;
      const place = (token - first) * dim + i;
      const entry = table + <usize>(place >> 2) * phase;
      const lane = (<usize>(place & 3)) << 2;
      const x = load<f32>(z + element);
      let level = 0;
      for (let j = 0; j < lanesOf(entry); j++) level += i32(x >= load<f32>(entry + 16 + ((<usize>j) << 4) + lane));
      const tail = entry + phase - 48 + lane;
      store<f32>(codes + element, (<f32>level - load<f32>(tail)) * load<f32>(tail, 16));
      index += level * load<i32>(tail, 32);
    }
    store<i32>(indices + ((<usize>token) << 2), index);
  }
}
