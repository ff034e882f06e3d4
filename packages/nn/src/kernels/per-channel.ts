import { add, mul, type Tensor, type Tensor1D } from '@tensorflow/tfjs-core';
import { defineKernel, type Kernel, sum } from '@vqkit/core-tensor';

type PerChannel = Kernel<{ x: Tensor; own: Tensor1D }, Record<string, never>, [y: Tensor]>;

const AddPerChannel: PerChannel = defineKernel({
  name: 'AddPerChannel',
  reference: ({ x, own }) => [add(x, own)],
  gradient: ([dy]) => ({ x: () => (dy as Tensor).clone(), own: () => overPlaces(dy as Tensor) }),
});

const MultiplyPerChannel: PerChannel = defineKernel({
  name: 'MultiplyPerChannel',
  reference: ({ x, own }) => [mul(x, own)],
  inputsToSave: ['x', 'own'],
  gradient: ([slope], saved) => {
    const [dy, x, own] = [slope, ...saved] as [Tensor, Tensor, Tensor1D];
    return { x: () => multiplyPerChannel(dy, own), own: () => overPlaces(mul(dy, x)) };
  },
});

function overPlaces(dy: Tensor): Tensor {
  return sum(
    dy,
    dy.shape.slice(0, -1).map((_, axis) => axis),
  );
}

/**
 * x + b with one number of b for each channel, the last axis: tfjs's `add`, whose gradient to b is the kernel of core-tensor's `sum`.
 *
 * @param own [channels].
 * @example
 * addPerChannel(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor1d([10, 20])); // [[11, 22], [13, 24]]
 */
export function addPerChannel(x: Tensor, own: Tensor1D): Tensor {
  return AddPerChannel({ x, own }, {})[0];
}

/**
 * x · g with one number of g for each channel, as {@link addPerChannel} adds one.
 *
 * @example
 * multiplyPerChannel(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor1d([10, 20])); // [[10, 40], [30, 80]]
 */
export function multiplyPerChannel(x: Tensor, own: Tensor1D): Tensor {
  return MultiplyPerChannel({ x, own }, {})[0];
}
