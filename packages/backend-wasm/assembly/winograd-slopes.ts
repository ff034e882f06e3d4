import { filterSlopeRow, slopeRow } from './winograd-rows';
import { cutOut, LINE, multiply, NUMBERS, TURNED, turnImages } from './winograd-tiles';

/** Channels of one unit of work. */
const ROWS: i32 = 8;

/**
 * The products behind the gradient of the filter, Σ over tiles of (Bᵀ d B) ⊙ (A dy Aᵀ): partials[group][36][panel of 8 output channels][channel][8], a line
 * behind each of the 36. The tiles are cut into `groups`, whatever the threads, and the channels into `parts`. Units: groups · parts.
 */
export function winogradFilterImages(
  images: usize,
  dy: usize,
  partials: usize,
  room: usize,
  workerBytes: i32,
  batch: i32,
  height: i32,
  width: i32,
  channels: i32,
  repeat: i32,
  top: i32,
  left: i32,
  outHeight: i32,
  outWidth: i32,
  outChannels: i32,
  block: i32,
  groups: i32,
  parts: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const tilesY = (outHeight + 3) >> 2;
  const tilesX = (outWidth + 3) >> 2;
  const tiles = batch * tilesY * tilesX;
  const outBytes = (<usize>outChannels) << 2;
  const taken = channels / parts;
  const turned = room + <usize>worker * <usize>workerBytes;
  const patch = turned + TURNED;
  const numbers = patch + ((<usize>(NUMBERS * max(taken, outChannels))) << 2);
  const plane = ((<usize>(block * taken)) << 2) + 64;
  const slopes = numbers + <usize>NUMBERS * plane;
  const slopePlane = <usize>block * outBytes + 64;
  const slopeStep = (<usize>block) << 5;
  const partialPlane = <usize>channels * outBytes + LINE;
  const panels = outChannels >> 3;
  const sumsStep = (<usize>channels) << 5;
  for (let unit = begin; unit < end; unit++) {
    const group = unit / parts;
    const part = unit % parts;
    const start = <i32>((<i64>group * tiles) / groups);
    const stop = <i32>((<i64>(group + 1) * tiles) / groups);
    const source = images + ((<usize>(part * taken)) << 2);
    const sums = partials + <usize>(group * NUMBERS) * partialPlane + ((<usize>(part * taken)) << 5);
    for (let first = start; first < stop; first += block) {
      const count = min(block, stop - first);
      turnImages(
        source,
        height,
        width,
        channels,
        taken,
        repeat,
        top,
        left,
        tilesY,
        tilesX,
        first,
        count,
        numbers,
        plane,
        false,
        turned,
        patch,
      );
      turnSlopes(
        dy,
        outHeight,
        outWidth,
        outBytes,
        tilesY,
        tilesX,
        first,
        count,
        slopes,
        slopePlane,
        slopeStep,
        turned,
        patch,
      );
      for (let k: usize = 0; k < <usize>NUMBERS; k++) {
        multiply(
          numbers + k * plane,
          taken >> 2,
          16,
          (<usize>taken) << 2,
          count,
          slopes + k * slopePlane,
          slopeStep,
          panels,
          sums + k * partialPlane,
          sumsStep,
          first === start,
        );
      }
    }
  }
}

/** A dy Aᵀ of tiles of dy, packed: slopes[36][panel of 8 channels][tile][8]. */
function turnSlopes(
  dy: usize,
  height: i32,
  width: i32,
  pixel: usize,
  tilesY: i32,
  tilesX: i32,
  first: i32,
  count: i32,
  slopes: usize,
  plane: usize,
  panelStep: usize,
  turned: usize,
  patch: usize,
): void {
  for (let i = 0; i < count; i++) {
    const tile = first + i;
    const image = dy + <usize>(tile / (tilesY * tilesX)) * <usize>(height * width) * pixel;
    const y = ((tile / tilesX) % tilesY) * 4;
    const x = (tile % tilesX) * 4;
    let field = patch;
    let rowStep = 4 * pixel;
    if (y + 4 <= height && x + 4 <= width) {
      field = image + <usize>(y * width + x) * pixel;
      rowStep = <usize>width * pixel;
    } else {
      cutOut(image, height, width, pixel, pixel, 1, y, x, 4, patch);
    }
    const s2 = 2 * rowStep;
    const s3 = 3 * rowStep;
    for (let o: usize = 0; o < pixel; o += 16) {
      let to = slopes + (o >> 5) * panelStep + ((<usize>i) << 5) + (o & 16);
      let from = field + o;
      for (let at = turned; at < turned + 64; at += 16) {
        slopeRow<f32>(from, rowStep, s2, s3, at, 64);
        from += pixel;
      }
      for (let row = turned; row < turned + 384; row += 64) {
        slopeRow<i32>(row, 16, 32, 48, to, plane);
        to += 6 * plane;
      }
    }
  }
}

/**
 * The gradient of the filter, [3][3][channel][output channel], of its products: Gᵀ (Σ over groups) G. `room` is 864 bytes a worker. Units: blocks of 8
 * channels.
 */
export function winogradFilterSlope(
  partials: usize,
  out: usize,
  room: usize,
  channels: i32,
  outChannels: i32,
  groups: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const sums = room + <usize>worker * 864;
  const turned = sums + TURNED;
  const rowBytes = (<usize>outChannels) << 2;
  const outPlane = <usize>channels * rowBytes;
  const plane = outPlane + LINE;
  const partialBytes = <usize>NUMBERS * plane;
  const panelBytes = (<usize>channels) << 5;
  const last = min(channels, end * ROWS);
  for (let first = begin * ROWS; first < last; first += ROWS) {
    const stop = min(last, first + ROWS);
    for (let o: usize = 0; o < rowBytes; o += 16) {
      const half = partials + (o >> 5) * panelBytes + (o & 16);
      for (let c = first; c < stop; c++) {
        const own = half + ((<usize>c) << 5);
        for (let k: usize = 0; k < <usize>NUMBERS; k++) {
          const from = own + k * plane;
          let sum = v128.load(from);
          for (let g = 1; g < groups; g++) sum = f32x4.add(sum, v128.load(from + <usize>g * partialBytes));
          v128.store(sums + k * 16, sum);
        }
        const to = out + <usize>c * rowBytes + o;
        for (let b: usize = 0; b < 6; b++) filterSlopeRow(sums + b * 16, 96, turned + b * 16, 96);
        for (let a: usize = 0; a < 3; a++) filterSlopeRow(turned + a * 96, 16, to + 3 * a * outPlane, outPlane);
      }
    }
  }
}
