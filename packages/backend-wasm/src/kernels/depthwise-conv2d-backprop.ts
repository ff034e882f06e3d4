import {
  backend_util,
  type DepthwiseConv2dNativeBackpropFilterAttrs,
  type DepthwiseConv2dNativeBackpropInputAttrs,
  type KernelFunc,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';
import type { ConvInfo } from '../shapes.ts';

/** Partial results of the filter's gradient, for the threads to share. */
const GROUPS = 16;

type Shape4D = [number, number, number, number];

/** dx[n, y, x, c] = Σ over the taps and m that read that element of dy[…, c·M + m] · W[kh, kw, c, m]. */
export const depthwiseConv2dNativeBackpropInput: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
  const { strides, dilations, pad, dimRoundingMode, inputShape } =
    attrs as unknown as DepthwiseConv2dNativeBackpropInputAttrs;
  const shape = filter.shape as Shape4D;
  const info = backend_util.computeConv2DInfo(inputShape, shape, strides, dilations, pad, dimRoundingMode, true);
  const dx = engine.output(info.inShape, 'float32');
  const pointers = [dy, filter, dx].map((tensor) => engine.address(tensor));
  engine.run('depthwiseInputImages', info.batchSize, ...pointers, ...geometry(info));
  return dx;
};

/** dW[kh, kw, c, m] = Σ over images and output positions of x[n, y·s + kh·d - p, x·s + kw·d - p, c] · dy[n, y, x, c·M + m]. */
export const depthwiseConv2dNativeBackpropFilter: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
  const { strides, dilations, pad, dimRoundingMode, filterShape } =
    attrs as unknown as DepthwiseConv2dNativeBackpropFilterAttrs;
  const shape = x.shape as Shape4D;
  const info = backend_util.computeConv2DInfo(shape, filterShape, strides, dilations, pad, dimRoundingMode, true);
  const out = engine.output(filterShape, 'float32');
  const size = info.filterHeight * info.filterWidth * info.outChannels;
  const groups = Math.max(1, Math.min(info.batchSize, GROUPS));
  engine.scratch(4 * groups * size, (partials) => {
    const [images, slopes, result] = [engine.address(x), engine.address(dy), engine.address(out)];
    engine.run('depthwiseFilterImages', groups, images, slopes, partials, info.batchSize, groups, ...geometry(info));
    engine.call('addPartials', partials, result, groups, size);
  });
  return out;
};

function geometry(info: ConvInfo): number[] {
  return [
    info.inHeight,
    info.inWidth,
    info.inChannels,
    info.outChannels / info.inChannels,
    info.outHeight,
    info.outWidth,
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
