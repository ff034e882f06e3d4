import { type Tensor, zerosLike } from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.ts';

const StraightThrough = defineKernel<{ x: Tensor; q: Tensor }, Record<string, never>, [Tensor]>({
  name: 'StraightThrough',
  reference: ({ q }) => [q.clone()],
  gradient: ([dy]) => ({ x: () => (dy as Tensor).clone(), q: () => zerosLike(dy as Tensor) }),
});

/**
 * The straight-through estimator: the value is q, exactly, and the gradient goes to x unchanged (none to q).
 *
 * Never written as `x + sg(q - x)`, whose float32 value is not q.
 *
 * Source: Bengio, Léonard, Courville, "Estimating or Propagating Gradients Through Stochastic Neurons", arXiv:1308.3432.
 * @param x shape S, float32: gets the gradient.
 * @param q shape S, float32: gives the value.
 */
export function straightThrough<T extends Tensor>(x: T, q: T): T {
  return StraightThrough({ x, q }, {})[0] as T;
}
