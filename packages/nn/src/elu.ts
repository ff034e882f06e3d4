import { add, exp, minimum, relu, sub, type Tensor } from '@tensorflow/tfjs-core';

/**
 * The exponential linear unit, `x` above 0 and `e^x - 1` below: PyTorch's nn.ELU. Its gradient at 0 is 1.
 *
 * Source: Clevert, Unterthiner, Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear Units", arXiv:1511.07289.
 * @example
 * elu(tf.tensor1d([-1, 0, 1])); // [-0.6321, 0, 1]
 */
export function elu<T extends Tensor>(x: T): T {
  return add(relu(x), sub(exp(minimum(x, 0)), 1));
}
