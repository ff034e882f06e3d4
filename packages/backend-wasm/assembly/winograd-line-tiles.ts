import { turnPlaces } from './winograd-line-rows';

/** Numbers that stand for a tile of a line. */
export const LINE_NUMBERS: i32 = 28;
/** Places of the output of a tile, and of the input that eight taps see from there. */
export const PLACES: i32 = 12;
export const REACH: i32 = 19;
/** Bytes of a worker's room for one vector of each number, and for four vectors of all places. */
export const TURNED: usize = 448;
export const LANES: usize = 1216;

/** The first place of a tile of its line: tiles of neighbouring places follow each other. */
export function placesOf(tile: i32, dilation: i32): i32 {
  return (tile / dilation) * dilation * PLACES + (tile % dilation);
}

/** Where the places that a tile sees lie: in their line, or in `patch`, to which they are copied, `bytes` each, with zeros beyond the line. */
export function fieldOf(
  images: usize,
  width: i32,
  pixel: usize,
  bytes: usize,
  dilation: i32,
  left: i32,
  perLine: i32,
  tile: i32,
  count: i32,
  patch: usize,
): usize {
  const line = images + <usize>(tile / perLine) * <usize>width * pixel;
  let place = placesOf(tile % perLine, dilation) - left;
  const last = place + dilation * (count - 1);
  if (place >= 0 && last < width) return line + <usize>place * pixel;
  for (let to = patch; place <= last; place += dilation, to += bytes) {
    if (place >= 0 && place < width) memory.copy(to, line + <usize>place * pixel, bytes);
    else memory.fill(to, 0, bytes);
  }
  return patch;
}

/** The numbers of four tiles from `tile` on, beyond `last` of that: numbers[28][channel][4]. */
export function turnAcross(
  images: usize,
  width: i32,
  bytes: usize,
  dilation: i32,
  left: i32,
  perLine: i32,
  tile: i32,
  last: i32,
  numbers: usize,
  plane: usize,
  turned: usize,
  lanes: usize,
  patch: usize,
): void {
  const size = <usize>REACH * bytes;
  const near = <usize>dilation * bytes;
  let at = patch;
  const a = fieldOf(images, width, bytes, bytes, dilation, left, perLine, tile, REACH, at);
  const stepA = a === at ? bytes : near;
  at += size;
  const b = fieldOf(images, width, bytes, bytes, dilation, left, perLine, min(last, tile + 1), REACH, at);
  const stepB = b === at ? bytes : near;
  at += size;
  const c = fieldOf(images, width, bytes, bytes, dilation, left, perLine, min(last, tile + 2), REACH, at);
  const stepC = c === at ? bytes : near;
  at += size;
  const d = fieldOf(images, width, bytes, bytes, dilation, left, perLine, min(last, tile + 3), REACH, at);
  const stepD = d === at ? bytes : near;
  for (let o: usize = 0; o < bytes; o += 16) {
    let fromA = a + o;
    let fromB = b + o;
    let fromC = c + o;
    let fromD = d + o;
    for (let to = lanes; to < lanes + LANES; to += 64) {
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
      turnPlaces(from, 64, turned, numbers, plane);
      numbers += 16;
    }
  }
}
