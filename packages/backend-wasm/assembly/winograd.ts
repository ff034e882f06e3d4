// Convolutions of 3 × 3 taps and stride 1 by Winograd's F(4 × 4, 3 × 3): 36 products in place of 144 for 16 places of the output. Tiles of
// 6 × 6 places of the image and the filter are brought to 36 numbers each, of which products are taken number by number, which are
// matrix products over the channels, and brought back.
//
// y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A
//
// The polynomials are evaluated at 0, 1, -1, ½, -2 and ∞: of such points those that round least, two to three times as much as the plain sum
// (Alam and others, "Winograd Convolution for Deep Neural Networks: Efficient Point Selection", arXiv:2201.10369).
//
// Source: Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308.

import { filterRow, outputRow } from './winograd-rows';
import { LINE, multiply, NUMBERS, TURNED, turnImages } from './winograd-tiles';

/** Bytes of a worker's room for an output tile. */
const TILE: usize = 256;

/**
 * G g Gᵀ of a filter of 3 × 3 taps, packed: packed[36][panel of 8 output channels][channel][8], a line behind each of the 36. Element (tap, channel,
 * output channel) is read at the given strides (in floats). `room` is 864 bytes a worker. Units: panels.
 */
export function winogradFilter(
  filter: usize,
  packed: usize,
  room: usize,
  tapStride: i32,
  channels: i32,
  channelStride: i32,
  outChannels: i32,
  outChannelStride: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const taps = room + <usize>worker * 864;
  const turned = taps + 144;
  const plane = ((<usize>(channels * outChannels)) << 2) + LINE;
  for (let panel = begin; panel < end; panel++) {
    for (let half = 0; half < 2; half++) {
      const first = filter + ((<usize>((8 * panel + 4 * half) * outChannelStride)) << 2);
      let to = packed + <usize>(panel * channels) * 32 + <usize>half * 16;
      for (let c = 0; c < channels; c++) {
        for (let tap = 0; tap < 9; tap++) {
          const from = first + ((<usize>(tap * tapStride + c * channelStride)) << 2);
          const at = taps + <usize>tap * 16;
          if (outChannelStride === 1) v128.store(at, v128.load(from));
          else {
            for (let o: usize = 0; o < 4; o++) {
              store<f32>(at + (o << 2), load<f32>(from + ((o * <usize>outChannelStride) << 2)));
            }
          }
        }
        for (let b: usize = 0; b < 3; b++) filterRow(taps + b * 16, 48, turned + b * 16, 48);
        for (let a: usize = 0; a < 6; a++) filterRow(turned + a * 48, 16, to + 6 * a * plane, plane);
        to += 32;
      }
    }
  }
}

/**
 * The convolution of images [height, width, channels], each pixel repeated `repeat` × `repeat` times, with `top` rows and `left` columns of
 * zeros before, by a filter that {@link winogradFilter} packed. Output tiles of 4 × 4 places are cut at outHeight and outWidth; with `pool` = 2
 * the sums of 2 × 2 places are written. Units: blocks of `block` tiles of all images. `room` has workerBytes for each worker.
 */
export function winogradImages(
  images: usize,
  packed: usize,
  bias: usize,
  out: usize,
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
  pool: i32,
  block: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const tilesY = (outHeight + 3) >> 2;
  const tilesX = (outWidth + 3) >> 2;
  const tiles = batch * tilesY * tilesX;
  const outBytes = (<usize>outChannels) << 2;
  const filterPlane = <usize>channels * outBytes + LINE;
  const turned = room + <usize>worker * <usize>workerBytes;
  const tile = turned + TURNED;
  const patch = tile + TILE;
  const numbers = patch + ((<usize>(NUMBERS * channels)) << 2);
  const plane = ((<usize>(block * channels)) << 2) + LINE;
  const products = numbers + <usize>NUMBERS * plane;
  const panels = outChannels >> 3;
  const panelStep = (<usize>block) << 5;
  const productPlane = <usize>block * outBytes + LINE;
  const p1 = 6 * productPlane;
  const p2 = 2 * p1;
  const p3 = 3 * p1;
  const p4 = 4 * p1;
  const p5 = 5 * p1;
  const outWide = <usize>(outWidth / pool) * outBytes;
  const none = f32x4.splat(0);
  for (let unit = begin; unit < end; unit++) {
    const first = unit * block;
    const count = min(block, tiles - first);
    turnImages(
      images,
      height,
      width,
      channels,
      channels,
      repeat,
      top,
      left,
      tilesY,
      tilesX,
      first,
      count,
      numbers,
      plane,
      true,
      turned,
      patch,
    );
    for (let k: usize = 0; k < <usize>NUMBERS; k++) {
      multiply(
        numbers + k * plane,
        (count + 3) >> 2,
        (<usize>channels) << 4,
        16,
        channels,
        packed + k * filterPlane,
        (<usize>channels) << 5,
        panels,
        products + k * productPlane,
        panelStep,
        true,
      );
    }
    for (let i = 0; i < count; i++) {
      const t = first + i;
      const y = ((t / tilesX) % tilesY) * 4;
      const x = (t % tilesX) * 4;
      const rows = min(4, outHeight - y);
      const columns = min(4, outWidth - x);
      const image = out + <usize>((t / (tilesY * tilesX)) * (outHeight / pool)) * outWide;
      const corner = image + <usize>(y / pool) * outWide + <usize>(x / pool) * outBytes;
      const whole = rows === 4 && columns === 4 && pool === 1;
      const tileWide = whole ? outWide : 64;
      const tileStep = whole ? outBytes : 16;
      for (let o: usize = 0; o < outBytes; o += 16) {
        let from = products + (o >> 5) * panelStep + ((<usize>i) << 5) + (o & 16);
        for (let at = turned; at < turned + 96; at += 16) {
          outputRow<f32>(from, p1, p2, p3, p4, p5, none, at, 96);
          from += productPlane;
        }
        const offset = bias !== 0 ? v128.load(bias + o) : none;
        let to = whole ? corner + o : tile;
        for (let row = turned; row < turned + 384; row += 96) {
          outputRow<i32>(row, 16, 32, 48, 64, 80, pool === 1 ? offset : none, to, tileStep);
          to += tileWide;
        }
        if (whole) continue;
        for (let a = 0; a < rows / pool; a++) {
          to = corner + <usize>a * outWide + o;
          let at = tile + <usize>(a * pool) * 64;
          for (let b = 0; b < columns / pool; b++) {
            let value = v128.load(at);
            if (pool === 2) {
              value = f32x4.add(f32x4.add(value, v128.load(at, 16)), f32x4.add(v128.load(at, 64), v128.load(at, 80)));
              value = f32x4.add(value, offset);
            }
            v128.store(to, value);
            to += outBytes;
            at += <usize>pool * 16;
          }
        }
      }
    }
  }
}
