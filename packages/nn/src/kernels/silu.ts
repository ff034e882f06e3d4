import { add, mul, sigmoid, sub, type Tensor } from '@tensorflow/tfjs-core';
import { defineKernel, type Kernel } from '@vqkit/core-tensor';

const SiluGrad: Kernel<{ dy: Tensor; x: Tensor }, Record<string, never>, [dx: Tensor]> = defineKernel({
  name: 'SiluGrad',
  reference: ({ dy, x }) => {
    const s = sigmoid(x);
    return [mul(dy, mul(s, add(mul(x, sub(1, s)), 1)))];
  },
});

const Silu: Kernel<{ x: Tensor }, Record<string, never>, [y: Tensor]> = defineKernel({
  name: 'Silu',
  reference: ({ x }) => [mul(x, sigmoid(x))],
  inputsToSave: ['x'],
  gradient: ([dy], [x]) => ({ x: () => SiluGrad({ dy: dy as Tensor, x: x as Tensor }, {})[0] }),
});

/**
 * The sigmoid linear unit, `x · σ(x)`: PyTorch's nn.SiLU, also called swish.
 *
 * - Gradient: `σ(x) + x · σ(x) · (1 - σ(x))`.
 *
 * Source: Elfwing, Uchibe, Doya, "Sigmoid-Weighted Linear Units", arXiv:1702.03118.
 * @param x any shape, float32.
 * @example
 * silu(tf.tensor1d([-1, 0, 1])); // [-0.2689, 0, 0.7311]
 */
export function silu<T extends Tensor>(x: T): T {
  return Silu({ x }, {})[0] as T;
}
