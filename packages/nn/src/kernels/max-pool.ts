import { engine, MaxPoolGrad, maxPool, type NamedTensorMap, type Tensor4D } from '@tensorflow/tfjs-core';
import { defineKernel, type Kernel } from '@vqkit/core-tensor';

/** As tfjs's kernels for pools want it. */
interface PoolAttrs {
  readonly filterSize: number;
  readonly strides: number;
  readonly pad: 'valid';
}

const HALVING: PoolAttrs = { filterSize: 2, strides: 2, pad: 'valid' };

/** Of a window that has its maximum several times the first place gets the gradient. */
const MaxPool2dGrad: Kernel<{ dy: Tensor4D; input: Tensor4D; output: Tensor4D }, PoolAttrs, [dx: Tensor4D]> =
  defineKernel({
    name: 'MaxPool2dGrad',
    reference: (inputs, attrs) => [engine().runKernel(MaxPoolGrad, inputs as NamedTensorMap, { ...attrs }) as Tensor4D],
  });

const MaxPool2d: Kernel<{ x: Tensor4D }, PoolAttrs, [y: Tensor4D]> = defineKernel({
  name: 'MaxPool2d',
  reference: ({ x }, { filterSize, strides, pad }) => [maxPool(x, filterSize, strides, pad)],
  inputsToSave: ['x'],
  outputsToSave: [true],
  gradient: ([dy], [x, y], attrs) => ({
    x: () => MaxPool2dGrad({ dy: dy as Tensor4D, input: x as Tensor4D, output: y as Tensor4D }, attrs)[0],
  }),
});

/**
 * The largest of each 2 × 2 pixels, channels last: [batch, height, width, channels] → [batch, ⌊height / 2⌋, ⌊width / 2⌋, channels]. A kernel of its own,
 * because the gradient of tfjs's wasm engine loses what windows of negative numbers should get.
 *
 * @example
 * maxPool2d(tf.tensor4d([1, 5, 2, 3], [1, 2, 2, 1])); // [[[[5]]]]
 */
export function maxPool2d(x: Tensor4D): Tensor4D {
  return MaxPool2d({ x }, HALVING)[0];
}
