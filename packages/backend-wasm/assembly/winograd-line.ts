// Convolutions of five to eight taps along a line, of stride 1 and any dilation, with 28 products in place of 84 (of seven taps) for twelve places of the output.
//
// The taps, filled up to eight, are two quarters of four, and twelve places three parts of four: what a part takes of a quarter is F(4, 4) of Toom and Cook,
// seven products at the points 0, 1, -1, 2, -2, ½ and ∞; and the parts and quarters are again a convolution, of two taps, F(3, 2), four products at 0, 1, -1 and ∞.
// All quarters share the numbers of seven places of the input because these begin four places apart: 4 · 7 numbers stand for 19 places.
//
// y = A₃ᵀ A₄ᵀ [(G₂ G₄ g) ⊙ (B₂ᵀ B₄ᵀ d)]
//
// Its errors are 2.3 times those of the plain sum. F(4, 7) in one would take more products, ten for four places, and has eight times the error with the best of its
// points. With dilation d the line falls into d lines, each of every d-th place.
//
// Of a stride s and 2s taps, s pixels are a place of s times the channels, which the filter sees two of: F(3, 2) alone, four products in place of six. The gradient of the
// input, and so the transposed convolution, has such places in its output. A place may begin before its line and end behind it.
//
// Source: Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308; the nesting is that of Agarwal and Cooley, "New Algorithms
// for Digital Convolution", IEEE Transactions on Acoustics, Speech, and Signal Processing 25 (1977).

import { gatherPlaces, turnTaps } from './winograd-line-rows';
import { firstOf, LANES, numbersOf, placesOf, reachOf, TURNED, turnAcross } from './winograd-line-tiles';
import { LINE, multiply } from './winograd-tiles';

/**
 * The numbers of a filter of `taps` taps, packed: packed[number][panel of 8 output channels][channel][8], a line behind each number. Element (tap, channel,
 * output channel) is read at the given strides (in floats). `room` is 1,664 bytes a worker. Units: panels.
 */
export function lineFilter(
  filter: usize,
  packed: usize,
  room: usize,
  size: i32,
  taps: i32,
  tapStride: i32,
  channels: i32,
  channelStride: i32,
  outChannels: i32,
  outChannelStride: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const held = room + <usize>worker * (TURNED + LANES);
  const turned = held + 128;
  const plane = ((<usize>(channels * outChannels)) << 2) + LINE;
  memory.fill(held, 0, 128);
  for (let panel = begin; panel < end; panel++) {
    for (let half = 0; half < 2; half++) {
      const first = filter + ((<usize>((8 * panel + 4 * half) * outChannelStride)) << 2);
      let to = packed + <usize>(panel * channels) * 32 + <usize>half * 16;
      for (let c = 0; c < channels; c++) {
        for (let tap = 0; tap < taps; tap++) {
          const from = first + ((<usize>(tap * tapStride + c * channelStride)) << 2);
          const at = held + <usize>tap * 16;
          if (outChannelStride === 1) v128.store(at, v128.load(from));
          else {
            for (let o: usize = 0; o < 4; o++) {
              store<f32>(at + (o << 2), load<f32>(from + ((o * <usize>outChannelStride) << 2)));
            }
          }
        }
        turnTaps(held, size, turned, to, plane);
        to += 32;
      }
    }
  }
}

/**
 * The convolution of lines of places of `channels` channels, by a filter that {@link lineFilter} packed. The first tap of place 0 begins `start` bytes into a line of
 * lineBytes, its result `outStart` bytes into one of outLineBytes; zeros stand beyond the one, and nothing is written beyond the other. Units: blocks of `block` tiles, a
 * multiple of 4, of all lines. `room` has workerBytes for each worker.
 */
export function lineImages(
  images: usize,
  packed: usize,
  bias: usize,
  out: usize,
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
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const perTile = placesOf(size);
  const tileReach = dilation * perTile;
  const perLine = dilation * ((places + tileReach - 1) / tileReach);
  const tiles = lines * perLine;
  const allNumbers = numbersOf(size);
  const bytes = (<usize>channels) << 2;
  const outBytes = (<usize>outChannels) << 2;
  const filterPlane = <usize>channels * outBytes + LINE;
  const turned = room + <usize>worker * <usize>workerBytes;
  const lanes = turned + TURNED;
  const patch = lanes + LANES;
  const numbers = patch + 4 * <usize>reachOf(size) * bytes;
  const plane = <usize>block * bytes + LINE;
  const products = numbers + <usize>allNumbers * plane;
  const panels = outChannels >> 3;
  const panelStep = (<usize>block) << 5;
  const productPlane = <usize>block * outBytes + LINE;
  const outStep = dilation * <i32>outBytes;
  for (let unit = begin; unit < end; unit++) {
    const first = unit * block;
    const count = min(block, tiles - first);
    for (let i = 0; i < count; i += 4) {
      turnAcross(
        images,
        lineBytes,
        start,
        bytes,
        dilation,
        size,
        perLine,
        first + i,
        first + count - 1,
        numbers + <usize>i * bytes,
        plane,
        turned,
        lanes,
        patch,
      );
    }
    for (let k: usize = 0; k < <usize>allNumbers; k++) {
      multiply(
        numbers + k * plane,
        (count + 3) >> 2,
        bytes << 2,
        16,
        channels,
        packed + k * filterPlane,
        bytes << 3,
        panels,
        products + k * productPlane,
        panelStep,
        true,
      );
    }
    for (let i = 0; i < count; i++) {
      const tile = first + i;
      const line = out + <usize>(tile / perLine) * <usize>outLineBytes;
      const offset = outStart + firstOf(tile % perLine, dilation, size) * <i32>outBytes;
      const whole = offset >= 0 && offset + outStep * (perTile - 1) + <i32>outBytes <= outLineBytes;
      for (let o: usize = 0; o < outBytes; o += 16) {
        const from = products + (o >> 5) * panelStep + ((<usize>i) << 5) + (o & 16);
        const added = bias !== 0 ? v128.load(bias + o) : f32x4.splat(0);
        const target = whole ? line + <usize>offset + o : lanes;
        gatherPlaces(from, productPlane, size, turned, added, target, whole ? <usize>outStep : 16);
        if (whole) continue;
        let at = offset + <i32>o;
        for (let j = 0; j < perTile; j++, at += outStep) {
          if (at >= 0 && at < outLineBytes) v128.store(line + <usize>at, v128.load(lanes + ((<usize>j) << 4)));
        }
      }
    }
  }
}
