import {
  avgPool,
  Conv2DBackpropFilter,
  Conv2DBackpropInput,
  engine,
  fused,
  image,
  mul,
  type NamedTensorMap,
  type Tensor1D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import {
  defineKernel,
  type Kernel,
  phrase,
  requireKnownOptions,
  requireOption,
  ShapeError,
  show,
  sum,
} from '@vqkit/core-tensor';

export interface ConvSameOptions {
  /** 2 repeats every pixel 2 × 2 times before the convolution (nearest-neighbour upsampling). Default 1. */
  readonly upsample?: 1 | 2;
}

interface ConvSameAttrs {
  readonly upsample: 1 | 2;
}

const ConvSameGradInput: Kernel<{ dy: Tensor4D; filter: Tensor4D }, ConvSameAttrs, [dx: Tensor4D]> = defineKernel({
  name: 'ConvSameGradInput',
  reference: ({ dy, filter }, { upsample }) => {
    const [batch, height, width] = dy.shape;
    const inputShape = [batch, height, width, filter.shape[2]];
    const slope = tfjsKernel(Conv2DBackpropInput, { dy, filter }, { inputShape });
    return [upsample === 1 ? slope : mul(avgPool(slope, 2, 2, 'valid'), 4)];
  },
});

const ConvSameGradFilter: Kernel<
  { x: Tensor4D; dy: Tensor4D },
  ConvSameAttrs & { readonly filterSize: readonly [number, number] },
  [dFilter: Tensor4D]
> = defineKernel({
  name: 'ConvSameGradFilter',
  reference: ({ x, dy }, { upsample, filterSize }) => {
    const filterShape = [...filterSize, x.shape[3], dy.shape[3]];
    return [tfjsKernel(Conv2DBackpropFilter, { x: upsampled(x, upsample), dy }, { filterShape })];
  },
});

const ConvSame: Kernel<{ x: Tensor4D; filter: Tensor4D; bias: Tensor1D }, ConvSameAttrs, [y: Tensor4D]> = defineKernel({
  name: 'ConvSame',
  reference: ({ x, filter, bias }, { upsample }) => [
    fused.conv2d({ x: upsampled(x, upsample), filter, bias, strides: 1, pad: 'same' }),
  ],
  inputsToSave: ['x', 'filter'],
  gradient: ([slope], saved, attrs) => {
    const dy = slope as Tensor4D;
    const [x, filter] = saved as [Tensor4D, Tensor4D];
    const filterSize = [filter.shape[0], filter.shape[1]] as const;
    return {
      x: () => ConvSameGradInput({ dy, filter }, attrs)[0],
      filter: () => ConvSameGradFilter({ x, dy }, { ...attrs, filterSize })[0],
      bias: () => sum(dy, [0, 1, 2]),
    };
  },
});

/**
 * Convolution of stride 1 with bias that keeps height and width (zeros around), channels last; optionally of the image with every
 * pixel repeated 2 × 2 times first, the usual decoder step, without ever forming the larger image where the engine can.
 *
 * `y[n, i, j, o] = bias[o] + Σ x[n, ⌊(i + kh - p)/u⌋, ⌊(j + kw - p)/u⌋, c] · filter[kh, kw, c, o]`, u = upsample, p = ⌊(K - 1)/2⌋.
 *
 * - Shapes: x [batch, height, width, in], filter [K, L, in, out], bias [out] → [batch, u·height, u·width, out].
 * - Gradient: to all three, each computed only when it is asked for.
 *
 * @throws OptionError when `upsample` is neither 1 nor 2; ShapeError when the shapes do not fit.
 * @example
 * const y = convSame(tf.ones([8, 7, 7, 32]), tf.ones([3, 3, 32, 16]), tf.zeros([16]), { upsample: 2 }); // [8, 14, 14, 16]
 */
export function convSame(x: Tensor4D, filter: Tensor4D, bias: Tensor1D, options: ConvSameOptions = {}): Tensor4D {
  requireKnownOptions('convSame', options, ['upsample']);
  const { upsample = 1 } = options;
  requireOption(upsample === 1 || upsample === 2, 'convSame', 'upsample', '1 or 2', upsample, 'Leave it out for 1.');
  if (x.rank !== 4 || filter.rank !== 4 || x.shape[3] !== filter.shape[2]) {
    throw new ShapeError(
      'convSame',
      'x',
      'be [batch, height, width, in] and filter [K, L, in, out]',
      phrase(`shapes ${show(x.shape)} and ${show(filter.shape)}`, [x.shape, filter.shape]),
      'Make the last axis of x the third of filter.',
    );
  }
  if (bias.rank !== 1 || bias.shape[0] !== filter.shape[3]) {
    throw new ShapeError(
      'convSame',
      'bias',
      `be [out] = [${filter.shape[3]}]`,
      bias.shape,
      'Pass one number per output channel.',
    );
  }
  return ConvSame({ x, filter, bias }, { upsample })[0];
}

function upsampled(x: Tensor4D, upsample: 1 | 2): Tensor4D {
  return upsample === 1 ? x : image.resizeNearestNeighbor(x, [2 * x.shape[1], 2 * x.shape[2]]);
}

/** tfjs exports the gradients of its convolution as kernels only. */
function tfjsKernel(name: string, inputs: NamedTensorMap, shape: Record<string, number[]>): Tensor4D {
  const attrs = { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1], ...shape };
  return engine().runKernel(name, inputs, attrs) as Tensor4D;
}
