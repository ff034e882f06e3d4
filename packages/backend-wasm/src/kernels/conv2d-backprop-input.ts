import { backend_util, type Conv2DBackpropInputAttrs, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core';
import { convolve } from '../convolve.ts';
import { engineOf } from '../engine.ts';
import { requireChannelsLast } from '../shapes.ts';

/**
 * dx[n, y, x, i] = Σ over the filter taps and output channels that read that element of dy · W: itself a convolution of stride 1,
 * of dy with its pixels spaced by the stride, with the filter turned by 180° and its channel axes exchanged.
 */
export const conv2DBackpropInput: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
  const { strides, pad, dataFormat, dimRoundingMode, inputShape } = attrs as unknown as Conv2DBackpropInputAttrs;
  requireChannelsLast('conv2DBackpropInput', dataFormat);
  const filterShape = filter.shape as [number, number, number, number];
  const info = backend_util.computeConv2DInfo(inputShape, filterShape, strides, 1, pad, dimRoundingMode);
  const taps = info.filterHeight * info.filterWidth;
  const tap = info.inChannels * info.outChannels;
  const dx = engine.output(info.inShape, 'float32');
  convolve(
    engine,
    {
      batch: info.batchSize,
      height: info.outHeight,
      width: info.outWidth,
      channels: info.outChannels,
      outHeight: info.inHeight,
      outWidth: info.inWidth,
      outChannels: info.inChannels,
      filterHeight: info.filterHeight,
      filterWidth: info.filterWidth,
      strideY: 1,
      strideX: 1,
      dilationY: 1,
      dilationX: 1,
      top: info.filterHeight - 1 - info.padInfo.top,
      left: info.filterWidth - 1 - info.padInfo.left,
      spacingY: info.strideHeight,
      spacingX: info.strideWidth,
    },
    engine.address(dy),
    {
      start: engine.address(filter) + 4 * (taps - 1) * tap,
      tapStride: -tap,
      channelStride: 1,
      outChannelStride: info.outChannels,
    },
    0,
    false,
    engine.address(dx),
  );
  return dx;
};
