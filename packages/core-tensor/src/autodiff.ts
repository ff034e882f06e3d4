import {
  customGrad,
  div,
  maximum,
  mean,
  mul,
  type Scalar,
  scalar,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  tidy,
  zerosLike,
} from '@tensorflow/tfjs-core';
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

/**
 * Mean over tokens: Σ w v / Σ w, and 0 when every weight is 0; without weights the plain mean. The gradient to the values is w / Σ w.
 *
 * @param values float32 [N], N >= 1, finite also where the weight is 0.
 * @param weights float32 [N], each >= 0; constants.
 * @example
 * weightedMean(tf.tensor1d([1, 2, 9]), tf.tensor1d([1, 1, 0])); // 1.5
 */
export function weightedMean(values: Tensor1D, weights: Tensor1D | undefined): Scalar {
  if (weights === undefined) return mean(values);
  // The floor is far below any sum of weights: it only turns 0/0 into 0.
  return tidy(() => div(sum(mul(values, weights)), maximum(sum(weights), scalar(1e-30))));
}

/**
 * Mean squared difference over all elements of the weighted tokens: Σ_n w_n Σ_i (a_ni - b_ni)² / (d Σ w); 0 when every weight is 0. The
 * gradient to a is 2 w_n (a - b) / (d Σ w), to b its negative.
 *
 * @param a float32 [N, d], and `b` of the same shape.
 * @param weights float32 [N] or undefined for 1 everywhere.
 * @example
 * weightedMse(tf.tensor2d([[1, 3]]), tf.tensor2d([[0, 0]]), undefined); // (1 + 9)/2 = 5
 */
export function weightedMse(a: Tensor, b: Tensor, weights: Tensor1D | undefined): Scalar {
  return tidy(() => weightedMean(mean(square(sub(a, b)), -1) as Tensor1D, weights));
}
