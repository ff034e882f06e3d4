import { add, minimum, mul, type Tensor, elu as tfElu } from '@tensorflow/tfjs-core';
import { defineKernel, type Kernel } from '@vqkit/core-tensor';

// TensorFlow.js has an Elu and an EluGrad of its own, the latter not on every engine.
const ExponentialLinearGrad: Kernel<{ dy: Tensor; y: Tensor }, Record<string, never>, [dx: Tensor]> = defineKernel({
  name: 'ExponentialLinearGrad',
  reference: ({ dy, y }) => [mul(dy, add(minimum(y, 0), 1))],
});

const ExponentialLinear: Kernel<{ x: Tensor }, Record<string, never>, [y: Tensor]> = defineKernel({
  name: 'ExponentialLinear',
  reference: ({ x }) => [tfElu(x)],
  outputsToSave: [true],
  gradient: ([dy], [y]) => ({ x: () => ExponentialLinearGrad({ dy: dy as Tensor, y: y as Tensor }, {})[0] }),
});

/**
 * The exponential linear unit, `x` above 0 and `e^x - 1` below: PyTorch's nn.ELU. Its gradient, `min(y, 0) + 1`, is 1 at 0.
 *
 * Source: Clevert, Unterthiner, Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear Units", arXiv:1511.07289.
 * @example
 * elu(tf.tensor1d([-1, 0, 1])); // [-0.6321, 0, 1]
 */
export function elu<T extends Tensor>(x: T): T {
  return ExponentialLinear({ x }, {})[0] as T;
}
