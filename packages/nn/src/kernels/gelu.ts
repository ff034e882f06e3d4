import { add, erf, exp, mul, neg, square, type Tensor } from '@tensorflow/tfjs-core';
import { defineKernel, type Kernel } from '@vqkit/core-tensor';

const GeluGrad: Kernel<{ dy: Tensor; x: Tensor }, Record<string, never>, [dx: Tensor]> = defineKernel({
  name: 'GeluGrad',
  reference: ({ dy, x }) => {
    const density = mul(exp(neg(mul(square(x), 0.5))), 1 / Math.sqrt(2 * Math.PI));
    return [mul(dy, add(normalCdf(x), mul(x, density)))];
  },
});

const Gelu: Kernel<{ x: Tensor }, Record<string, never>, [y: Tensor]> = defineKernel({
  name: 'Gelu',
  reference: ({ x }) => [mul(x, normalCdf(x))],
  inputsToSave: ['x'],
  gradient: ([dy], [x]) => ({ x: () => GeluGrad({ dy: dy as Tensor, x: x as Tensor }, {})[0] }),
});

/**
 * The Gaussian error linear unit, exact form: `x · Φ(x)` with `Φ(x) = (1 + erf(x / √2)) / 2`.
 *
 * - Gradient: `Φ(x) + x · exp(-x²/2) / √(2π)`.
 * - Equals PyTorch's `nn.GELU()` within the accuracy of the engine's erf (1.5e-7 absolute on the composed path).
 *
 * Source: Hendrycks, Gimpel, "Gaussian Error Linear Units (GELUs)", arXiv:1606.08415.
 * @param x any shape, float32.
 * @example
 * gelu(tf.tensor1d([-1, 0, 1])); // [-0.1587, 0, 0.8413]
 */
export function gelu<T extends Tensor>(x: T): T {
  return Gelu({ x }, {})[0] as T;
}

function normalCdf(x: Tensor): Tensor {
  return mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
}
