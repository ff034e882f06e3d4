import { column, LINE, storeColumn, storeIndices } from './columns';

/**
 * A residual stack of LFQ, of tokens with `dim` features: a feature of four tokens is one vector, which goes through all layers without
 * leaving its register. `scales` are those of the layers, in memory.
 *
 * Units: groups of 16 tokens, which share what is loaded; the last may be partial. `room` is (64 + 64) · layers + 64 · dim bytes
 * per worker: lines of indices, and the last group.
 */
export function residualSign(
  x: usize,
  codes: usize,
  indices: usize,
  scales: usize,
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
    quantizeGroup(x + first * width, codes + first * width, indices + first * row, scales, room, width, layers);
  }
  if (group < end) {
    const first = (<usize>group) << 4;
    const rest = <usize>tokens - first;
    const tokensRoom = room + 2 * LINE * <usize>layers;
    const indicesRoom = room + LINE * <usize>layers;
    memory.copy(tokensRoom, x + first * width, rest * width);
    quantizeGroup(tokensRoom, tokensRoom, indicesRoom, scales, room, width, layers);
    memory.copy(codes + first * width, tokensRoom, rest * width);
    memory.copy(indices + first * row, indicesRoom, rest * row);
  }
}

/** 16 tokens; codes may take their place. */
function quantizeGroup(
  x: usize,
  codes: usize,
  indices: usize,
  scales: usize,
  lines: usize,
  width: usize,
  layers: i32,
): void {
  const lineEnd = lines + LINE * <usize>layers;
  memory.fill(lines, 0, lineEnd - lines);
  const zero = f32x4.splat(0);
  const sign = f32x4.splat(-0.0);
  for (let at: usize = 0; at < width; at += 4) {
    const own = x + at;
    let r0 = column(own, width);
    let r1 = column(own + 4 * width, width);
    let r2 = column(own + 8 * width, width);
    let r3 = column(own + 12 * width, width);
    let s0 = zero;
    let s1 = zero;
    let s2 = zero;
    let s3 = zero;
    let entry = scales;
    for (let line = lines; line < lineEnd; line += LINE) {
      const scale = v128.load32_splat(entry);
      const p0 = f32x4.gt(r0, zero);
      const p1 = f32x4.gt(r1, zero);
      const p2 = f32x4.gt(r2, zero);
      const p3 = f32x4.gt(r3, zero);
      v128.store(line, append(v128.load(line), p0));
      v128.store(line, append(v128.load(line, 16), p1), 16);
      v128.store(line, append(v128.load(line, 32), p2), 32);
      v128.store(line, append(v128.load(line, 48), p3), 48);
      const q0 = v128.xor(scale, v128.andnot(sign, p0));
      const q1 = v128.xor(scale, v128.andnot(sign, p1));
      const q2 = v128.xor(scale, v128.andnot(sign, p2));
      const q3 = v128.xor(scale, v128.andnot(sign, p3));
      s0 = f32x4.add(s0, q0);
      s1 = f32x4.add(s1, q1);
      s2 = f32x4.add(s2, q2);
      s3 = f32x4.add(s3, q3);
      r0 = f32x4.sub(r0, q0);
      r1 = f32x4.sub(r1, q1);
      r2 = f32x4.sub(r2, q2);
      r3 = f32x4.sub(r3, q3);
      entry += 4;
    }
    const to = codes + at;
    storeColumn(to, width, s0);
    storeColumn(to + 4 * width, width, s1);
    storeColumn(to + 8 * width, width, s2);
    storeColumn(to + 12 * width, width, s3);
  }
  storeIndices(lines, indices, layers);
}

/** The bits so far, and one more after them: the condition is -1 where it holds. */
function append(bits: v128, condition: v128): v128 {
  return i32x4.sub(i32x4.shl(bits, 1), condition);
}
