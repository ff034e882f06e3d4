import { type Tensor, tidy, zerosLike } from '@tensorflow/tfjs-core';
import { detach } from '../autodiff.ts';
import { ShapeError, show } from '../errors.ts';
import { defineKernel } from '../kernel.ts';

const StraightThrough = defineKernel<{ x: Tensor; q: Tensor }, Record<string, never>, [Tensor]>({
  name: 'StraightThrough',
  reference: ({ q }) => [q.clone()],
  gradient: ([dy]) => ({ x: () => (dy as Tensor).clone(), q: () => zerosLike(dy as Tensor) }),
});

/**
 * The straight-through estimator `y = x + sg(q - x)`: the value is q, bit for bit, and the gradient goes to x unchanged. q is a constant
 * to the tape, so that it may come from operations that have no gradient (a comparison, an argmax).
 *
 * Differs from vector-quantize-pytorch, which computes that formula in float32, whose value is not quite q.
 *
 * Source: Bengio, Léonard, Courville, "Estimating or Propagating Gradients Through Stochastic Neurons", arXiv:1308.3432.
 *
 * @param x shape S, float32: gets the gradient.
 * @param q shape S, float32: gives the value, gets no gradient.
 * @throws ShapeError when the shapes differ.
 * @example
 * tf.grad((x) => tf.sum(straightThrough(x, tf.round(x))))(tf.tensor1d([0.3, 1.8])); // [1, 1]
 */
export function straightThrough<T extends Tensor>(x: T, q: T): T {
  if (x.rank !== q.rank || x.shape.some((size, i) => size !== q.shape[i])) {
    throw new ShapeError(
      'straightThrough',
      'q',
      `have the shape of x ${show(x.shape)}`,
      q.shape,
      'Reshape one of them.',
    );
  }
  return tidy(() => StraightThrough({ x, q: detach(q) }, {})[0] as T);
}
