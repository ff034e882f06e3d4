import {
  backend_util,
  type Conv2DBackpropFilterAttrs,
  type KernelConfig,
  type KernelFunc,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, release, run } from '../program.ts';

/** Positions of dy that one thread adds up at least, and parts of all positions at most. */
const LEAST_POSITIONS = 64;
const MOST_PARTS = 256;
/** Floats of the parts' sums: 16 MB. */
const PART_FLOATS = 2 ** 22;
/** Terms of one sum: one long float32 sum would lose digits. */
const SHORT_SUM = 64;

/**
 * One element of the filter and one part of the positions per thread: Σ x dy over them. (tfjs's own kernel adds up all positions in one
 * thread per element, which leaves a graphics processor idle and loses digits.)
 */
export const FILTER_PARTS: Program = {
  name: 'Conv2DBackpropFilter',
  inputs: { x: 'f32', dy: 'f32' },
  outputs: { parts: 'f32' },
  params: {
    size: 'u32',
    each: 'u32',
    positions: 'u32',
    inHeight: 'i32',
    inWidth: 'i32',
    inChannels: 'u32',
    outHeight: 'u32',
    outWidth: 'u32',
    outChannels: 'u32',
    filterWidth: 'u32',
    strideHeight: 'u32',
    strideWidth: 'u32',
    padTop: 'i32',
    padLeft: 'i32',
  },
  body: `
let flat = params.first + row;
let element = flat % params.size;
let channel = element % params.outChannels;
let inChannel = element / params.outChannels % params.inChannels;
let place = element / params.outChannels / params.inChannels;
let down = i32(place / params.filterWidth) - params.padTop;
let across = i32(place % params.filterWidth) - params.padLeft;
let start = (flat / params.size) * params.each;
let end = min(start + params.each, params.positions);
var column = start % params.outWidth;
var line = start / params.outWidth % params.outHeight;
var image = start / params.outWidth / params.outHeight;
var total = 0.0;
for (var block = start; block < end; block += ${SHORT_SUM}u) {
  var short = 0.0;
  for (var position = block; position < min(block + ${SHORT_SUM}u, end); position++) {
    let y = i32(line * params.strideHeight) + down;
    let w = i32(column * params.strideWidth) + across;
    if (y >= 0 && y < params.inHeight && w >= 0 && w < params.inWidth) {
      let pixel = (image * u32(params.inHeight) + u32(y)) * u32(params.inWidth) + u32(w);
      short += x[pixel * params.inChannels + inChannel] * dy[position * params.outChannels + channel];
    }
    column++;
    if (column == params.outWidth) {
      column = 0u;
      line++;
      if (line == params.outHeight) {
        line = 0u;
        image++;
      }
    }
  }
  total += short;
}
parts[row] = total;`,
};

/** One element of the filter per thread: the sum of its parts, in their order. */
export const SUM_PARTS: Program = {
  name: 'SumParts',
  inputs: { parts: 'f32' },
  outputs: { sums: 'f32' },
  params: { size: 'u32', count: 'u32' },
  body: `
var total = 0.0;
for (var part = 0u; part < params.count; part++) {
  total += parts[part * params.size + params.first + row];
}
sums[row] = total;`,
};

/** Channels last; the other order is left to tfjs. */
export function conv2dBackpropFilter(tfjs: KernelConfig): KernelFunc {
  return (call) => {
    const backend = call.backend as DeviceBackend;
    const { x, dy } = call.inputs as { x: TensorInfo; dy: TensorInfo };
    const attrs = call.attrs as unknown as Conv2DBackpropFilterAttrs;
    const { strides, pad, dataFormat, dimRoundingMode, filterShape } = attrs;
    if (dataFormat !== 'NHWC') return tfjs.kernelFunc(call);
    const shape = x.shape as [number, number, number, number];
    const info = backend_util.computeConv2DInfo(shape, filterShape, strides, 1, pad, dimRoundingMode);
    const size = util.sizeFromShape(filterShape);
    const positions = info.batchSize * info.outHeight * info.outWidth;
    const filter = output(backend, filterShape, 'float32');
    const most = Math.min(MOST_PARTS, Math.floor(PART_FLOATS / size), Math.ceil(positions / LEAST_POSITIONS));
    const count = Math.max(1, most);
    const parts = output(backend, [count, size], 'float32');
    const operands = { x: { tensor: x }, dy: { tensor: dy }, parts: { tensor: parts, perRow: 1 } };
    run(backend, FILTER_PARTS, count * size, operands, {
      size,
      each: Math.ceil(positions / count),
      positions,
      inHeight: info.inHeight,
      inWidth: info.inWidth,
      inChannels: info.inChannels,
      outHeight: info.outHeight,
      outWidth: info.outWidth,
      outChannels: info.outChannels,
      filterWidth: info.filterWidth,
      strideHeight: info.strideHeight,
      strideWidth: info.strideWidth,
      padTop: info.padInfo.top,
      padLeft: info.padInfo.left,
    });
    run(backend, SUM_PARTS, size, { parts: { tensor: parts }, sums: { tensor: filter, perRow: 1 } }, { size, count });
    release(backend, parts);
    return filter;
  };
}
