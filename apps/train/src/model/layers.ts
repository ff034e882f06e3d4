import {
  avgPool,
  Conv2DBackpropFilter,
  Conv2DBackpropInput,
  engine,
  fused,
  image,
  maxPool,
  mul,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
  transpose,
  type Variable,
} from '@tensorflow/tfjs-core';
import { defineKernel, ownedVariable, type Rng } from '@vqkit/core-tensor';

/** A named weight of a layer: held as TensorFlow.js wants it, written to checkpoints in PyTorch's layout. */
export interface Weight {
  /** The key in the state dict, such as `encoder.conv1.weight`. */
  readonly name: string;
  readonly variable: Variable;
  toTorch(value: Tensor): Tensor;
  fromTorch(value: Tensor): Tensor;
}

export interface Conv2d {
  apply(x: Tensor4D): Tensor4D;
  readonly weights: readonly Weight[];
}

const CONV = { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1] };

/**
 * Convolution and bias in one. Each gradient is computed only when it is wanted, whereas tfjs's fused convolution also computes
 * that of the images.
 */
const ConvBias = defineKernel<{ x: Tensor4D; filter: Tensor4D; bias: Tensor1D }, Record<string, never>, [Tensor4D]>({
  name: 'ConvBias',
  reference: ({ x, filter, bias }) => [fused.conv2d({ x, filter, bias, strides: 1, pad: 'same' }) as Tensor4D],
  inputsToSave: ['x', 'filter'],
  gradient: ([dy], [x, filter]) => {
    const [slope, input, kernel] = [dy as Tensor4D, x as Tensor4D, filter as Tensor4D];
    return {
      x: () =>
        engine().runKernel(
          Conv2DBackpropInput,
          { dy: slope, filter: kernel },
          { ...CONV, inputShape: input.shape },
        ) as Tensor,
      filter: () =>
        engine().runKernel(
          Conv2DBackpropFilter,
          { x: input, dy: slope },
          { ...CONV, filterShape: kernel.shape },
        ) as Tensor,
      bias: () => sum(slope, [0, 1, 2]),
    };
  },
});

/**
 * A convolution of stride 1 that keeps height and width, with bias, initialised as PyTorch's nn.Conv2d: weights and biases uniform
 * in ±1/√(inputs · kernel²), which is its kaiming_uniform with a = √5. A weight's numbers depend on the seed and its name only.
 */
export function createConv2d(options: {
  name: string;
  inputs: number;
  outputs: number;
  kernel: number;
  rng: Rng;
}): Conv2d {
  const { name, inputs, outputs, kernel, rng } = options;
  const bound = 1 / Math.sqrt(inputs * kernel * kernel);
  const init = (key: string, shape: number[]): Variable => {
    const size = shape.reduce((product, length) => product * length, 1);
    return ownedVariable(rng.fork(key).uniformArray(size, -bound, bound), shape, true);
  };
  const filter = init(`${name}.weight`, [kernel, kernel, inputs, outputs]);
  const bias = init(`${name}.bias`, [outputs]);
  return {
    apply: (x) => ConvBias({ x, filter: filter as unknown as Tensor4D, bias: bias as unknown as Tensor1D }, {})[0],
    weights: [
      {
        name: `${name}.weight`,
        variable: filter,
        // [height, width, in, out] ↔ [out, in, height, width].
        toTorch: (value) => transpose(value, [3, 2, 0, 1]),
        fromTorch: (value) => transpose(value, [2, 3, 1, 0]),
      },
      {
        name: `${name}.bias`,
        variable: bias,
        toTorch: (value) => value.clone(),
        fromTorch: (value) => value.clone(),
      },
    ],
  };
}

/** The larger of each 2 × 2 pixels: halves height and width. */
export function maxPool2(x: Tensor4D): Tensor4D {
  return maxPool(x, 2, 2, 'valid');
}

const UpsampleNearest2 = defineKernel<{ x: Tensor4D }, Record<string, never>, [Tensor4D]>({
  name: 'UpsampleNearest2',
  reference: ({ x }) => [image.resizeNearestNeighbor(x, [2 * x.shape[1], 2 * x.shape[2]])],
  // Its own gradient, the sum over each 2 × 2 pixels, because tfjs's one on the cpu engine is wrong beyond the first image.
  gradient: ([dy]) => ({ x: () => mul(avgPool(dy as Tensor4D, 2, 2, 'valid'), 4) }),
});

/** Repeats every pixel 2 × 2 times. */
export function upsampleNearest2(x: Tensor4D): Tensor4D {
  return UpsampleNearest2({ x }, {})[0];
}
