import { backend_util, type Conv2DBackpropInputAttrs, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core';
import { convolutionOf } from '../convolve.ts';
import { convolveInput } from '../convolve-input.ts';
import { engineOf } from '../engine.ts';
import { requireChannelsLast } from '../shapes.ts';

/** dx[n, y, x, i] = Σ over the filter taps and output channels that read that element of dy · W: see {@link convolveInput}. */
export const conv2DBackpropInput: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
  const { strides, pad, dataFormat, dimRoundingMode, inputShape } = attrs as unknown as Conv2DBackpropInputAttrs;
  requireChannelsLast('conv2DBackpropInput', dataFormat);
  const filterShape = filter.shape as [number, number, number, number];
  const info = backend_util.computeConv2DInfo(inputShape, filterShape, strides, 1, pad, dimRoundingMode);
  const dx = engine.output(info.inShape, 'float32');
  convolveInput(engine, convolutionOf(info), engine.address(dy), engine.address(filter), engine.address(dx));
  return dx;
};
