import { customGrad, type Tensor, tidy, zerosLike } from '@tensorflow/tfjs-core';
import { defineKernel } from './kernel.ts';

const StopGradient = defineKernel<{ x: Tensor }, Record<string, never>, [Tensor]>({
  name: 'StopGradient',
  reference: ({ x }) => [x.clone()],
  gradient: ([dy]) => ({ x: () => zerosLike(dy as Tensor) }),
});

/**
 * sg(x): the value of x, with a gradient of zero. (A function that returns nothing but sg(x) still has a gradient, zero, where tfjs
 * throws for a constant; see {@link withoutGradient} for constants.)
 *
 * @param x float32, any shape.
 * @example
 * tf.grad((x) => tf.sum(tf.mul(x, stopGradient(x))))(tf.tensor1d([3])); // [3], not [6]
 */
export function stopGradient<T extends Tensor>(x: T): T {
  return StopGradient({ x }, {})[0] as T;
}

/**
 * Runs `f` outside the gradient tape: nothing in it is recorded, its result is a constant, its intermediates are disposed. Use it where
 * integers are computed from activations (an argmin), which have no gradient: tfjs's gradient of `gather` throws when its indices
 * hang on the tape.
 *
 * @param f returns one tensor.
 * @example
 * const nearest = withoutGradient(() => tf.argMin(distances, 1)); // gather(codebook, nearest) can be differentiated
 */
export function withoutGradient<T extends Tensor>(f: () => T): T {
  const constant = customGrad(() => ({ value: tidy(f), gradFunc: () => [] }));
  return (constant as unknown as () => T)();
}
