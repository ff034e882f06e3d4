import { backend_util, type KernelFunc, type MaxPoolAttrs, type TensorInfo } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';
import type { ConvInfo } from '../shapes.ts';

type Shape4D = [number, number, number, number];

/** Maximum of each window, channels last; NaN wins. */
export const maxPool: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { x } = inputs as { x: TensorInfo };
  const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as MaxPoolAttrs;
  const info = backend_util.computePool2DInfo(x.shape as Shape4D, filterSize, strides, 1, pad, dimRoundingMode);
  const out = engine.output(info.outShape, 'float32');
  const pointers = [x, out].map((tensor) => engine.address(tensor));
  if (isQuartering(info)) engine.run('maxPool2Images', info.batchSize, ...pointers, ...sizes(info));
  else engine.run('maxPoolImages', info.batchSize, ...pointers, ...sizes(info), ...windows(info));
  return out;
};

/** dx: each dy goes to the first element of its window that equals the maximum. */
export const maxPoolGrad: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { dy, input } = inputs as { dy: TensorInfo; input: TensorInfo };
  const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as MaxPoolAttrs;
  const info = backend_util.computePool2DInfo(input.shape as Shape4D, filterSize, strides, 1, pad, dimRoundingMode);
  const dx = engine.output(input.shape, 'float32');
  const pointers = [input, dy, dx].map((tensor) => engine.address(tensor));
  if (isQuartering(info)) engine.run('maxPool2GradImages', info.batchSize, ...pointers, ...sizes(info));
  else engine.run('maxPoolGradImages', info.batchSize, ...pointers, ...sizes(info), ...windows(info));
  return dx;
};

/** Windows of 2 × 2 side by side, whole vectors of channels: the usual case has a kernel of its own. */
function isQuartering(info: ConvInfo): boolean {
  const { top, left, bottom, right } = info.padInfo;
  const twos = [info.filterHeight, info.filterWidth, info.strideHeight, info.strideWidth];
  return twos.every((size) => size === 2) && top + left + bottom + right === 0 && info.inChannels % 4 === 0;
}

function sizes(info: ConvInfo): number[] {
  return [info.inHeight, info.inWidth, info.inChannels, info.outHeight, info.outWidth];
}

function windows(info: ConvInfo): number[] {
  return [
    info.filterHeight,
    info.filterWidth,
    info.strideHeight,
    info.strideWidth,
    info.dilationHeight,
    info.dilationWidth,
    info.padInfo.top,
    info.padInfo.left,
  ];
}
