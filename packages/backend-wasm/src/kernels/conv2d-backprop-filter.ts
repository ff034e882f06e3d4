import { backend_util, type Conv2DBackpropFilterAttrs, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core';
import { convolutionOf } from '../convolve.ts';
import { convolveFilter } from '../convolve-filter.ts';
import { engineOf } from '../engine.ts';
import { requireChannelsLast } from '../shapes.ts';

/** dW[kh, kw, i, o] = Σ over images and output positions of x[n, y·s + kh - p, x·s + kw - p, i] · dy[n, y, x, o]. */
export const conv2DBackpropFilter: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
  const { strides, pad, dataFormat, dimRoundingMode, filterShape } = attrs as unknown as Conv2DBackpropFilterAttrs;
  requireChannelsLast('conv2DBackpropFilter', dataFormat);
  const inputShape = x.shape as [number, number, number, number];
  const info = backend_util.computeConv2DInfo(inputShape, filterShape, strides, 1, pad, dimRoundingMode);
  const out = engine.output(filterShape, 'float32');
  convolveFilter(engine, convolutionOf(info), engine.address(x), engine.address(dy), engine.address(out));
  return out;
};
