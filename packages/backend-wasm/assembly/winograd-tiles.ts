import { inputRow } from './winograd-rows';

/** Numbers that stand for a tile. */
export const NUMBERS: i32 = 36;
/** Bytes between the planes of the 36 numbers: or else one element of all of them would fall into the same set of the cache. */
export const LINE: usize = 64;
/** Bytes of a worker's room for one vector of each number. */
export const TURNED: usize = 576;

/**
 * sums[panel][row][8] += a · packed, packed[panel][depth][8]; = when `fresh`. Four rows of a lie beside each other, `groupStep` bytes from the next
 * four, and their next element `step` bytes behind: four rows × eight columns are computed at a time with one pointer for each side, which the
 * registers of x64 suffice for.
 */
export function multiply(
  a: usize,
  groups: i32,
  groupStep: usize,
  step: usize,
  depth: i32,
  packed: usize,
  panelStep: usize,
  panels: i32,
  sums: usize,
  sumsStep: usize,
  fresh: bool,
): void {
  for (let panel = 0; panel < panels; panel++) {
    const begin = packed + <usize>panel * panelStep;
    const stop = begin + ((<usize>depth) << 5);
    let to = sums + <usize>panel * sumsStep;
    for (let group = 0; group < groups; group++) {
      let from = a + <usize>group * groupStep;
      let c00 = f32x4.splat(0);
      let c01 = c00;
      let c10 = c00;
      let c11 = c00;
      let c20 = c00;
      let c21 = c00;
      let c30 = c00;
      let c31 = c00;
      if (!fresh) {
        c00 = v128.load(to);
        c01 = v128.load(to, 16);
        c10 = v128.load(to, 32);
        c11 = v128.load(to, 48);
        c20 = v128.load(to, 64);
        c21 = v128.load(to, 80);
        c30 = v128.load(to, 96);
        c31 = v128.load(to, 112);
      }
      for (let w = begin; w < stop; w += 32) {
        const w0 = v128.load(w);
        const w1 = v128.load(w, 16);
        const x0 = v128.load32_splat(from);
        const x1 = v128.load32_splat(from, 4);
        const x2 = v128.load32_splat(from, 8);
        const x3 = v128.load32_splat(from, 12);
        c00 = f32x4.add(c00, f32x4.mul(x0, w0));
        c01 = f32x4.add(c01, f32x4.mul(x0, w1));
        c10 = f32x4.add(c10, f32x4.mul(x1, w0));
        c11 = f32x4.add(c11, f32x4.mul(x1, w1));
        c20 = f32x4.add(c20, f32x4.mul(x2, w0));
        c21 = f32x4.add(c21, f32x4.mul(x2, w1));
        c30 = f32x4.add(c30, f32x4.mul(x3, w0));
        c31 = f32x4.add(c31, f32x4.mul(x3, w1));
        from += step;
      }
      v128.store(to, c00);
      v128.store(to, c01, 16);
      v128.store(to, c10, 32);
      v128.store(to, c11, 48);
      v128.store(to, c20, 64);
      v128.store(to, c21, 80);
      v128.store(to, c30, 96);
      v128.store(to, c31, 112);
      to += 128;
    }
  }
}

/** Copies `side` × `side` pixels of an image from (top, left) to `patch`, each pixel `repeat` × `repeat` times; zeros beyond the image. */
export function cutOut(
  image: usize,
  height: i32,
  width: i32,
  pixel: usize,
  bytes: usize,
  repeat: i32,
  top: i32,
  left: i32,
  side: i32,
  patch: usize,
): void {
  for (let y = top; y < top + side; y++) {
    const row = image + <usize>((y / repeat) * width) * pixel;
    const rowInside = y >= 0 && y < height * repeat;
    for (let x = left; x < left + side; x++) {
      if (rowInside && x >= 0 && x < width * repeat) memory.copy(patch, row + <usize>(x / repeat) * pixel, bytes);
      else memory.fill(patch, 0, bytes);
      patch += bytes;
    }
  }
}

/**
 * Bᵀ d B of the tiles `first` … `first + count - 1` of the images: numbers[36][tile][channel], or with `fours` numbers[36][tile / 4][channel][4], `plane`
 * bytes from one number to the next. The channels are `taken` of `channels`, those at `images`.
 */
export function turnImages(
  images: usize,
  height: i32,
  width: i32,
  channels: i32,
  taken: i32,
  repeat: i32,
  top: i32,
  left: i32,
  tilesY: i32,
  tilesX: i32,
  first: i32,
  count: i32,
  numbers: usize,
  plane: usize,
  fours: bool,
  turned: usize,
  patch: usize,
): void {
  const pixel = (<usize>channels) << 2;
  const bytes = (<usize>taken) << 2;
  for (let i = 0; i < count; i++) {
    const tile = first + i;
    const image = images + <usize>(tile / (tilesY * tilesX)) * <usize>(height * width) * pixel;
    const y = ((tile / tilesX) % tilesY) * 4 - top;
    const x = (tile % tilesX) * 4 - left;
    let field = patch;
    let pixelStep = bytes;
    let rowStep = 6 * bytes;
    if (repeat === 1 && y >= 0 && x >= 0 && y + 6 <= height && x + 6 <= width) {
      field = image + <usize>(y * width + x) * pixel;
      pixelStep = pixel;
      rowStep = <usize>width * pixel;
    } else {
      cutOut(image, height, width, pixel, bytes, repeat, y, x, 6, patch);
    }
    const s2 = 2 * rowStep;
    const s3 = 3 * rowStep;
    const s4 = 4 * rowStep;
    const s5 = 5 * rowStep;
    const intoStep = fours ? 16 : plane;
    for (let c: usize = 0; c < bytes; c += 16) {
      let from = field + c;
      for (let at = turned; at < turned + 96; at += 16) {
        inputRow<f32>(from, rowStep, s2, s3, s4, s5, at, 96);
        from += pixelStep;
      }
      let to =
        numbers + (fours ? <usize>(i >> 2) * (bytes << 2) + (c << 2) + ((<usize>(i & 3)) << 2) : <usize>i * bytes + c);
      for (let row = turned; row < turned + TURNED; row += 96) {
        inputRow<i32>(row, 16, 32, 48, 64, 80, fours ? row : to, intoStep);
        if (!fours) {
          to += 6 * plane;
          continue;
        }
        for (let at = row; at < row + 96; at += 16) {
          const v = v128.load(at);
          v128.store_lane<f32>(to, v, 0);
          v128.store_lane<f32>(to, v, 1, 16);
          v128.store_lane<f32>(to, v, 2, 32);
          v128.store_lane<f32>(to, v, 3, 48);
          to += plane;
        }
      }
    }
  }
}
