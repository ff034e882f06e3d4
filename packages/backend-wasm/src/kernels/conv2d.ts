import {
  backend_util,
  type Conv2DAttrs,
  type FusedConv2DAttrs,
  type KernelFunc,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { convolutionOf, convolve } from '../convolve.ts';
import { type Engine, engineOf } from '../engine.ts';
import { type ConvInfo, requireChannelsLast } from '../shapes.ts';
import { composedConv2D } from './fused.ts';

/** out[n, y, x, o] = Σ x[n, y·s + kh·d - p, x·s + kw·d - p, i] · W[kh, kw, i, o]. */
export const conv2D: KernelFunc = ({ inputs, backend, attrs }) => {
  const { x, filter } = inputs as { x: TensorInfo; filter: TensorInfo };
  const { strides, pad, dilations, dataFormat, dimRoundingMode } = attrs as unknown as Conv2DAttrs;
  requireChannelsLast('conv2d', dataFormat);
  const info = convInfo(x, filter, strides, dilations, pad, dimRoundingMode);
  return forward(engineOf(backend), info, x, filter, undefined, false);
};

/** The same with a bias and an activation. */
export const fusedConv2D: KernelFunc = (call) => {
  const { x, filter, bias } = call.inputs as { x: TensorInfo; filter: TensorInfo; bias?: TensorInfo };
  const { strides, pad, dilations, dataFormat, dimRoundingMode, activation } =
    call.attrs as unknown as FusedConv2DAttrs;
  requireChannelsLast('fused.conv2d', dataFormat);
  const info = convInfo(x, filter, strides, dilations, pad, dimRoundingMode);
  const plainBias = bias === undefined || (bias.shape.length === 1 && bias.shape[0] === info.outChannels);
  if (!plainBias || (activation !== 'linear' && activation !== 'relu')) return composedConv2D(call);
  return forward(engineOf(call.backend), info, x, filter, bias, activation === 'relu');
};

function convInfo(
  x: TensorInfo,
  filter: TensorInfo,
  strides: Conv2DAttrs['strides'],
  dilations: Conv2DAttrs['dilations'],
  pad: Conv2DAttrs['pad'],
  rounding: Conv2DAttrs['dimRoundingMode'],
): ConvInfo {
  type Shape4D = [number, number, number, number];
  return backend_util.computeConv2DInfo(x.shape as Shape4D, filter.shape as Shape4D, strides, dilations, pad, rounding);
}

function forward(
  engine: Engine,
  info: ConvInfo,
  x: TensorInfo,
  filter: TensorInfo,
  bias: TensorInfo | undefined,
  relu: boolean,
): TensorInfo {
  const out = engine.output(info.outShape, 'float32');
  const layout = {
    start: engine.address(filter),
    tapStride: info.inChannels * info.outChannels,
    channelStride: info.outChannels,
    outChannelStride: 1,
  };
  const offsets = bias === undefined ? 0 : engine.address(bias);
  convolve(engine, convolutionOf(info), engine.address(x), layout, offsets, relu, engine.address(out));
  return out;
}
