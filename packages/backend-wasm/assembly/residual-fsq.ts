import { column, LINE, storeColumn, storeIndices } from './columns';

/**
 * A residual stack of FSQ, of tokens with `dim` features. A feature of four tokens is one vector, which goes through all layers without
 * leaving its register. The table has for each feature the number of its thresholds, center, step and basis, and for each layer the
 * scale and the thresholds; comparing with NaN is false.
 *
 * Units: groups of 16 tokens, which share what is loaded; the last may be partial. `room` is (64 + 64) · layers + 64 · dim bytes
 * per worker: lines of indices, and the last group.
 */
export function residualFsq(
  z: usize,
  codes: usize,
  indices: usize,
  table: usize,
  room: usize,
  tokens: i32,
  dim: i32,
  layers: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const width = (<usize>dim) << 2;
  const row = (<usize>layers) << 2;
  room += <usize>worker * (2 * LINE * <usize>layers + 16 * width);
  const whole = min(end, tokens >> 4);
  let group = begin;
  for (; group < whole; group++) {
    const first = (<usize>group) << 4;
    quantizeGroup(z + first * width, codes + first * width, indices + first * row, table, room, width, layers);
  }
  if (group < end) {
    const first = (<usize>group) << 4;
    const rest = <usize>tokens - first;
    const tokensRoom = room + 2 * LINE * <usize>layers;
    const indicesRoom = room + LINE * <usize>layers;
    memory.copy(tokensRoom, z + first * width, rest * width);
    quantizeGroup(tokensRoom, tokensRoom, indicesRoom, table, room, width, layers);
    memory.copy(codes + first * width, tokensRoom, rest * width);
    memory.copy(indices + first * row, indicesRoom, rest * row);
  }
}

/** 16 tokens; codes may take their place. */
function quantizeGroup(
  z: usize,
  codes: usize,
  indices: usize,
  table: usize,
  lines: usize,
  width: usize,
  layers: i32,
): void {
  const lineEnd = lines + LINE * <usize>layers;
  memory.fill(lines, 0, lineEnd - lines);
  let entry = table;
  for (let at: usize = 0; at < width; at += 4) {
    const own = z + at;
    let r0 = column(own, width);
    let r1 = column(own + 4 * width, width);
    let r2 = column(own + 8 * width, width);
    let r3 = column(own + 12 * width, width);
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    const thresholds = (<usize>load<i32>(entry)) << 2;
    const head = entry;
    entry += 16;
    for (let line = lines; line < lineEnd; line += LINE) {
      // Minus the level: a comparison that holds is -1.
      let l0 = i32x4.splat(0);
      let l1 = l0;
      let l2 = l0;
      let l3 = l0;
      const last = entry + 4 + thresholds;
      for (let t = entry + 4; t < last; t += 4) {
        const threshold = v128.load32_splat(t);
        l0 = i32x4.add(l0, f32x4.ge(r0, threshold));
        l1 = i32x4.add(l1, f32x4.ge(r1, threshold));
        l2 = i32x4.add(l2, f32x4.ge(r2, threshold));
        l3 = i32x4.add(l3, f32x4.ge(r3, threshold));
      }
      const basis = v128.load32_splat(head, 12);
      v128.store(line, i32x4.sub(v128.load(line), i32x4.mul(l0, basis)));
      v128.store(line, i32x4.sub(v128.load(line, 16), i32x4.mul(l1, basis)), 16);
      v128.store(line, i32x4.sub(v128.load(line, 32), i32x4.mul(l2, basis)), 32);
      v128.store(line, i32x4.sub(v128.load(line, 48), i32x4.mul(l3, basis)), 48);
      const center = v128.load32_splat(head, 4);
      const step = v128.load32_splat(head, 8);
      const scale = v128.load32_splat(entry);
      const q0 = codesOf(l0, center, step, scale);
      const q1 = codesOf(l1, center, step, scale);
      const q2 = codesOf(l2, center, step, scale);
      const q3 = codesOf(l3, center, step, scale);
      s0 = f32x4.add(s0, q0);
      s1 = f32x4.add(s1, q1);
      s2 = f32x4.add(s2, q2);
      s3 = f32x4.add(s3, q3);
      r0 = f32x4.sub(r0, q0);
      r1 = f32x4.sub(r1, q1);
      r2 = f32x4.sub(r2, q2);
      r3 = f32x4.sub(r3, q3);
      entry = last;
    }
    const to = codes + at;
    storeColumn(to, width, s0);
    storeColumn(to + 4 * width, width, s1);
    storeColumn(to + 8 * width, width, s2);
    storeColumn(to + 12 * width, width, s3);
  }
  storeIndices(lines, indices, layers);
}

/** ((level - center) · step) · scale, each rounded. */
function codesOf(minusLevel: v128, center: v128, step: v128, scale: v128): v128 {
  const level = f32x4.convert_i32x4_s(i32x4.neg(minusLevel));
  return f32x4.mul(f32x4.mul(f32x4.sub(level, center), step), scale);
}
