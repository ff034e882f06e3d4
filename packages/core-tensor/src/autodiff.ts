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

/** sg(x): the value of x, with a gradient of zero. */
export function stopGradient<T extends Tensor>(x: T): T {
  return StopGradient({ x }, {})[0] as T;
}

/**
 * Runs `f` outside the gradient tape: nothing in it is recorded, and its result is a constant. Use it where integers are
 * computed from activations (an argmin), which have no gradient.
 */
export function withoutGradient<T extends Tensor>(f: () => T): T {
  const constant = customGrad(() => ({ value: tidy(f), gradFunc: () => [] }));
  return (constant as unknown as () => T)();
}

/** Mean over tokens: Σ w v / Σ w; 0 when every weight is 0. Without weights the plain mean. */
export function weightedMean(values: Tensor1D, weights: Tensor1D | undefined): Scalar {
  if (weights === undefined) return mean(values);
  return div(sum(mul(values, weights)), maximum(sum(weights), scalar(1)));
}

/** Mean squared difference over all elements of the weighted tokens. */
export function weightedMse(a: Tensor, b: Tensor, weights: Tensor1D | undefined): Scalar {
  return weightedMean(mean(square(sub(a, b)), -1) as Tensor1D, weights);
}
