import { backend_util, type KernelFunc, type MaxPoolAttrs, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, run } from '../program.ts';
import { IS_NAN, ORDERED } from '../wgsl.ts';

/**
 * One element of dx per thread: the dy of every window whose first largest element it is. (tfjs's own kernel gives dy to the last of
 * equal elements; the other engines give it to the first.)
 */
export const MAX_POOL_GRAD: Program = {
  name: 'MaxPoolGrad',
  inputs: { x: 'u32', dy: 'f32' },
  outputs: { dx: 'f32' },
  params: {
    inHeight: 'i32',
    inWidth: 'i32',
    channels: 'i32',
    outHeight: 'i32',
    outWidth: 'i32',
    filterHeight: 'i32',
    filterWidth: 'i32',
    strideHeight: 'i32',
    strideWidth: 'i32',
    padTop: 'i32',
    padLeft: 'i32',
  },
  declarations: `
${ORDERED}

${IS_NAN}

// NaN is the largest of all.
fn key(bits : u32) -> i32 {
  return select(ordered(bits), 0x7fffffff, isNaN(bits));
}

// Where the first largest element of a window of an image is.
fn firstLargest(image : i32, top : i32, left : i32, channel : i32) -> i32 {
  var place = -1;
  var largest = 0;
  for (var y = max(top, 0); y < min(top + params.filterHeight, params.inHeight); y++) {
    for (var w = max(left, 0); w < min(left + params.filterWidth, params.inWidth); w++) {
      let at = ((image * params.inHeight + y) * params.inWidth + w) * params.channels + channel;
      let own = key(x[at]);
      if (place < 0 || own > largest) {
        place = at;
        largest = own;
      }
    }
  }
  return place;
}`,
  body: `
let at = i32(params.first + row);
let channel = at % params.channels;
let column = at / params.channels % params.inWidth + params.padLeft;
let line = at / params.channels / params.inWidth % params.inHeight + params.padTop;
let image = at / params.channels / params.inWidth / params.inHeight;
var sum = 0.0;
for (var i = max(line - params.filterHeight + params.strideHeight, 0) / params.strideHeight; i <= min(line / params.strideHeight, params.outHeight - 1); i++) {
  for (var j = max(column - params.filterWidth + params.strideWidth, 0) / params.strideWidth; j <= min(column / params.strideWidth, params.outWidth - 1); j++) {
    let top = i * params.strideHeight - params.padTop;
    let left = j * params.strideWidth - params.padLeft;
    if (firstLargest(image, top, left, channel) == at) {
      sum += dy[((image * params.outHeight + i) * params.outWidth + j) * params.channels + channel];
    }
  }
}
dx[row] = sum;`,
};

export const maxPoolGrad: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { dy, input } = call.inputs as { dy: TensorInfo; input: TensorInfo };
  const { filterSize, strides, pad, dimRoundingMode } = call.attrs as unknown as MaxPoolAttrs;
  const shape = input.shape as [number, number, number, number];
  const info = backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
  const dx = output(backend, shape, 'float32');
  const params = {
    inHeight: info.inHeight,
    inWidth: info.inWidth,
    channels: info.inChannels,
    outHeight: info.outHeight,
    outWidth: info.outWidth,
    filterHeight: info.filterHeight,
    filterWidth: info.filterWidth,
    strideHeight: info.strideHeight,
    strideWidth: info.strideWidth,
    padTop: info.padInfo.top,
    padLeft: info.padInfo.left,
  };
  const operands = { x: { tensor: input }, dy: { tensor: dy }, dx: { tensor: dx, perRow: 1 } };
  run(backend, MAX_POOL_GRAD, util.sizeFromShape(shape), operands, params);
  return dx;
};
