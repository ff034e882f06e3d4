import { mul, sigmoid, type Tensor } from '@tensorflow/tfjs-core';

/**
 * The sigmoid linear unit, `x · σ(x)`: PyTorch's nn.SiLU, also called swish.
 *
 * Source: Elfwing, Uchibe, Doya, "Sigmoid-Weighted Linear Units", arXiv:1702.03118.
 * @example
 * silu(tf.tensor1d([-1, 0, 1])); // [-0.2689, 0, 0.7311]
 */
export function silu<T extends Tensor>(x: T): T {
  return mul(x, sigmoid(x));
}
