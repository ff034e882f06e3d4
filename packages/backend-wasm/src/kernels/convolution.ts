import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { Convolution } from '../convolve.ts';
import { convolveFilter } from '../convolve-filter.ts';
import { engineOf } from '../engine.ts';
import { convolveFilterTiled, convolveInputTiled, convolveTiled } from '../winograd-line.ts';

type Shape4D = [number, number, number, number];

interface Sliding {
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
}

/** As nn passes it: along height and width. */
interface Attrs {
  readonly sliding: readonly [Sliding, Sliding];
}

/** y[n, i, j, o] = bias[o] + Σ x[n, i·s + kh·d - before, j·s + kw·d - before, c] · W[kh, kw, c, o]. */
export const convolution: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { x, filter } = inputs as Record<'x' | 'filter', TensorInfo>;
  const bias = inputs.bias === undefined ? 0 : engine.address(inputs.bias);
  const { sliding } = attrs as unknown as Attrs;
  const c = forwardOf(x.shape as Shape4D, filter.shape as Shape4D, sliding);
  const y = engine.output([c.batch, c.outHeight, c.outWidth, c.outChannels], 'float32');
  const layout = {
    start: engine.address(filter),
    tapStride: c.channels * c.outChannels,
    channelStride: c.outChannels,
    outChannelStride: 1,
  };
  convolveTiled(engine, c, engine.address(x), layout, bias, false, engine.address(y));
  return y;
};

/** dx: see {@link convolveInputTiled}. */
export const convolutionGradInput: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { dy, filter } = inputs as Record<'dy' | 'filter', TensorInfo>;
  const { sliding, inputSize } = attrs as unknown as Attrs & { readonly inputSize: readonly [number, number] };
  const [batch, outHeight, outWidth] = dy.shape as Shape4D;
  const filterShape = filter.shape as Shape4D;
  const dx = engine.output([batch, ...inputSize, filterShape[2]], 'float32');
  const c = { ...forwardOf(dx.shape as Shape4D, filterShape, sliding), outHeight, outWidth };
  convolveInputTiled(engine, c, engine.address(dy), engine.address(filter), engine.address(dx));
  return dx;
};

/** dW = Σ over images and positions of the patches of x times dy. The taps of a filter dilated along both axes are filters of one tap each. */
export const convolutionGradFilter: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { x, dy } = inputs as Record<'x' | 'dy', TensorInfo>;
  const { sliding, filterSize } = attrs as unknown as Attrs & { readonly filterSize: readonly [number, number] };
  const [, , , channels] = x.shape as Shape4D;
  const [, outHeight, outWidth, outChannels] = dy.shape as Shape4D;
  const shape: Shape4D = [...filterSize, channels, outChannels];
  const out = engine.output(shape, 'float32');
  const [images, slopes, result] = [x, dy, out].map((tensor) => engine.address(tensor)) as [number, number, number];
  const c = { ...forwardOf(x.shape as Shape4D, shape, sliding), outHeight, outWidth };
  const [filterHeight, filterWidth] = filterSize;
  if (filterHeight === 1 || (c.dilationY === 1 && (c.dilationX === 1 || filterWidth === 1))) {
    convolveFilterTiled(engine, { ...c, dilationX: filterWidth === 1 ? 1 : c.dilationX }, images, slopes, result);
    return out;
  }
  for (let k = 0; k < filterHeight * filterWidth; k++) {
    const top = c.top - Math.floor(k / filterWidth) * c.dilationY;
    const left = c.left - (k % filterWidth) * c.dilationX;
    const one = { ...c, filterHeight: 1, filterWidth: 1, dilationX: 1, top, left };
    convolveFilter(engine, one, images, slopes, result + 4 * k * channels * outChannels);
  }
  return out;
};

function forwardOf(
  [batch, height, width, channels]: Shape4D,
  [filterHeight, filterWidth, , outChannels]: Shape4D,
  [vertical, horizontal]: readonly [Sliding, Sliding],
): Convolution {
  return {
    batch,
    height,
    width,
    channels,
    outHeight: lengthOf(height, filterHeight, vertical),
    outWidth: lengthOf(width, filterWidth, horizontal),
    outChannels,
    filterHeight,
    filterWidth,
    strideY: vertical.stride,
    strideX: horizontal.stride,
    dilationY: vertical.dilation,
    dilationX: horizontal.dilation,
    top: vertical.before,
    left: horizontal.before,
    spacingY: 1,
    spacingX: 1,
  };
}

function lengthOf(length: number, taps: number, { stride, dilation, before, after }: Sliding): number {
  return Math.floor((length + before + after - dilation * (taps - 1) - 1) / stride) + 1;
}
