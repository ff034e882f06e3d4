import { gatherTaps, turnPlaces, turnSlopePlaces } from './winograd-line-rows';
import { fieldOf, firstOf, LANES, numbersOf, placesOf, reachOf, TURNED } from './winograd-line-tiles';
import { LINE, multiply } from './winograd-tiles';

/** Channels of one unit of work. */
const ROWS: i32 = 8;

/**
 * The products behind the gradient of the filter, Σ over tiles of (B₂ᵀ B₄ᵀ d) ⊙ (A₄ A₃ dy): partials[group][number][panel of 8 output channels][channel][8], a line
 * behind each number. The tiles are cut into `groups`, whatever the threads, and the channels into `parts`. Units: groups · parts.
 */
export function lineFilterImages(
  images: usize,
  dy: usize,
  partials: usize,
  room: usize,
  workerBytes: i32,
  size: i32,
  lines: i32,
  places: i32,
  lineBytes: i32,
  start: i32,
  channels: i32,
  dilation: i32,
  outLineBytes: i32,
  outStart: i32,
  outChannels: i32,
  block: i32,
  groups: i32,
  parts: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const perTile = placesOf(size);
  const reach = reachOf(size);
  const allNumbers = numbersOf(size);
  const tileReach = dilation * perTile;
  const perLine = dilation * ((places + tileReach - 1) / tileReach);
  const tiles = lines * perLine;
  const pixel = (<usize>channels) << 2;
  const outBytes = (<usize>outChannels) << 2;
  const taken = channels / parts;
  const bytes = (<usize>taken) << 2;
  const near = dilation * <i32>pixel;
  const outNear = dilation * <i32>outBytes;
  const turned = room + <usize>worker * <usize>workerBytes;
  const patch = turned + TURNED;
  const numbers = patch + <usize>reach * max(bytes, outBytes);
  const plane = <usize>block * bytes + LINE;
  const slopes = numbers + <usize>allNumbers * plane;
  const slopePlane = <usize>block * outBytes + LINE;
  const slopeStep = (<usize>block) << 5;
  const partialPlane = <usize>channels * outBytes + LINE;
  for (let unit = begin; unit < end; unit++) {
    const group = unit / parts;
    const part = <usize>(unit % parts) * bytes;
    const firstTile = <i32>((<i64>group * tiles) / groups);
    const stop = <i32>((<i64>(group + 1) * tiles) / groups);
    const sums = partials + <usize>(group * allNumbers) * partialPlane + (part << 3);
    for (let first = firstTile; first < stop; first += block) {
      const count = min(block, stop - first);
      for (let i = 0; i < count; i++) {
        const tile = first + i;
        const line = <usize>(tile / perLine);
        const place = firstOf(tile % perLine, dilation, size);
        const offset = start + place * <i32>pixel + <i32>part;
        const field = fieldOf(images + line * <usize>lineBytes, lineBytes, offset, near, <i32>bytes, reach, patch);
        const step = field === patch ? bytes : <usize>near;
        const to = numbers + <usize>i * bytes;
        for (let o: usize = 0; o < bytes; o += 16) turnPlaces(field + o, step, size, turned, to + o, plane);
        const outOffset = outStart + place * <i32>outBytes;
        const slopeLine = dy + line * <usize>outLineBytes;
        const seen = fieldOf(slopeLine, outLineBytes, outOffset, outNear, <i32>outBytes, perTile, patch);
        const outStep = seen === patch ? outBytes : <usize>outNear;
        const slope = slopes + ((<usize>i) << 5);
        for (let o: usize = 0; o < outBytes; o += 16) {
          turnSlopePlaces(seen + o, outStep, size, turned, slope + (o >> 5) * slopeStep + (o & 16), slopePlane);
        }
      }
      for (let k: usize = 0; k < <usize>allNumbers; k++) {
        multiply(
          numbers + k * plane,
          taken >> 2,
          16,
          bytes,
          count,
          slopes + k * slopePlane,
          slopeStep,
          outChannels >> 3,
          sums + k * partialPlane,
          pixel << 3,
          first === firstTile,
        );
      }
    }
  }
}

/**
 * The gradient of the filter, [taps][channel][output channel], of its products: G₄ᵀ G₂ᵀ (Σ over groups). `room` is 1,664 bytes a worker. Units: blocks of 8
 * channels.
 */
export function lineFilterSlope(
  partials: usize,
  out: usize,
  room: usize,
  size: i32,
  taps: i32,
  channels: i32,
  outChannels: i32,
  groups: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const sums = room + <usize>worker * (TURNED + LANES);
  const turned = sums + TURNED;
  const held = turned + TURNED;
  const rowBytes = (<usize>outChannels) << 2;
  const outPlane = <usize>channels * rowBytes;
  const plane = outPlane + LINE;
  const allNumbers = <usize>numbersOf(size);
  const partialBytes = allNumbers * plane;
  const panelBytes = (<usize>channels) << 5;
  const last = min(channels, end * ROWS);
  for (let first = begin * ROWS; first < last; first += ROWS) {
    const stop = min(last, first + ROWS);
    for (let o: usize = 0; o < rowBytes; o += 16) {
      const half = partials + (o >> 5) * panelBytes + (o & 16);
      for (let c = first; c < stop; c++) {
        const own = half + ((<usize>c) << 5);
        for (let k: usize = 0; k < allNumbers; k++) {
          const from = own + k * plane;
          let sum = v128.load(from);
          for (let g = 1; g < groups; g++) sum = f32x4.add(sum, v128.load(from + <usize>g * partialBytes));
          v128.store(sums + (k << 4), sum);
        }
        gatherTaps(sums, size, turned, held);
        let to = out + <usize>c * rowBytes + o;
        for (let tap = 0; tap < taps; tap++, to += outPlane) v128.store(to, v128.load(held + ((<usize>tap) << 4)));
      }
    }
  }
}
