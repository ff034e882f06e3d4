import { turnPlaces } from './winograd-line-rows';

/** Bytes of a worker's room for one vector of each number, and for four vectors of all places. */
export const TURNED: usize = 448;
export const LANES: usize = 1216;

/** Numbers that stand for a tile of parts of `size` places. */
export function numbersOf(size: i32): i32 {
  return 8 * size - 4;
}

/** Places of the output of a tile. */
export function placesOf(size: i32): i32 {
  return 3 * size;
}

/** Places of the input that 2 · size taps see from there. */
export function reachOf(size: i32): i32 {
  return 5 * size - 1;
}

/** The first place of a tile of its line: tiles of neighbouring places follow each other. */
export function firstOf(tile: i32, dilation: i32, size: i32): i32 {
  return (tile / dilation) * dilation * placesOf(size) + (tile % dilation);
}

/** Where `count` places of a line lie, `bytes` of each, the first of them `offset` into it: there, or in `patch`, to which they are copied with zeros beyond the line. */
export function fieldOf(
  line: usize,
  lineBytes: i32,
  offset: i32,
  step: i32,
  bytes: i32,
  count: i32,
  patch: usize,
): usize {
  const end = offset + step * (count - 1) + bytes;
  if (offset >= 0 && end <= lineBytes) return line + <usize>offset;
  for (let to = patch; offset < end; offset += step, to += <usize>bytes) {
    const start = max(0, offset);
    const stop = min(lineBytes, offset + bytes);
    if (stop - start < bytes) memory.fill(to, 0, <usize>bytes);
    if (start < stop) memory.copy(to + <usize>(start - offset), line + <usize>start, <usize>(stop - start));
  }
  return patch;
}

/** The numbers of four tiles from `tile` on, beyond `last` of that: numbers[number][channel][4]. Place 0 of a line begins at `start`. */
export function turnAcross(
  images: usize,
  lineBytes: i32,
  start: i32,
  bytes: usize,
  dilation: i32,
  size: i32,
  perLine: i32,
  tile: i32,
  last: i32,
  numbers: usize,
  plane: usize,
  turned: usize,
  lanes: usize,
  patch: usize,
): void {
  const count = reachOf(size);
  const patchBytes = <usize>count * bytes;
  const near = <usize>dilation * bytes;
  const lanesEnd = lanes + ((<usize>count) << 6);
  let at = patch;
  const a = tileOf(images, lineBytes, start, <i32>bytes, dilation, size, perLine, tile, at);
  const stepA = a === at ? bytes : near;
  at += patchBytes;
  const b = tileOf(images, lineBytes, start, <i32>bytes, dilation, size, perLine, min(last, tile + 1), at);
  const stepB = b === at ? bytes : near;
  at += patchBytes;
  const c = tileOf(images, lineBytes, start, <i32>bytes, dilation, size, perLine, min(last, tile + 2), at);
  const stepC = c === at ? bytes : near;
  at += patchBytes;
  const d = tileOf(images, lineBytes, start, <i32>bytes, dilation, size, perLine, min(last, tile + 3), at);
  const stepD = d === at ? bytes : near;
  for (let o: usize = 0; o < bytes; o += 16) {
    let fromA = a + o;
    let fromB = b + o;
    let fromC = c + o;
    let fromD = d + o;
    for (let to = lanes; to < lanesEnd; to += 64) {
      const va = v128.load(fromA);
      const vb = v128.load(fromB);
      const vc = v128.load(fromC);
      const vd = v128.load(fromD);
      const ab = v128.shuffle<f32>(va, vb, 0, 4, 1, 5);
      const cd = v128.shuffle<f32>(vc, vd, 0, 4, 1, 5);
      const abHigh = v128.shuffle<f32>(va, vb, 2, 6, 3, 7);
      const cdHigh = v128.shuffle<f32>(vc, vd, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
      v128.store(to, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7), 16);
      v128.store(to, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5), 32);
      v128.store(to, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7), 48);
      fromA += stepA;
      fromB += stepB;
      fromC += stepC;
      fromD += stepD;
    }
    for (let from = lanes; from < lanes + 64; from += 16) {
      turnPlaces(from, 64, size, turned, numbers, plane);
      numbers += 16;
    }
  }
}

function tileOf(
  images: usize,
  lineBytes: i32,
  start: i32,
  bytes: i32,
  dilation: i32,
  size: i32,
  perLine: i32,
  tile: i32,
  patch: usize,
): usize {
  const line = images + <usize>(tile / perLine) * <usize>lineBytes;
  const offset = start + firstOf(tile % perLine, dilation, size) * bytes;
  return fieldOf(line, lineBytes, offset, dilation * bytes, bytes, reachOf(size), patch);
}
