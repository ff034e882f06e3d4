import { type Tensor, zerosLike } from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.ts';

const StopGradient = defineKernel<{ x: Tensor }, Record<string, never>, [Tensor]>({
  name: 'StopGradient',
  reference: ({ x }) => [x.clone()],
  gradient: ([dy]) => ({ x: () => zerosLike(dy as Tensor) }),
});

/**
 * sg(x): the value of x, with a gradient of zero. (A function that returns nothing but sg(x) still has a gradient, zero, where tfjs
 * throws for a constant; see `withoutGradient` for constants.)
 *
 * @param x float32, any shape.
 * @example
 * tf.grad((x) => tf.sum(tf.mul(x, stopGradient(x))))(tf.tensor1d([3])); // [3], not [6]
 */
export function stopGradient<T extends Tensor>(x: T): T {
  return StopGradient({ x }, {})[0] as T;
}
