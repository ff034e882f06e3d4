import { customGrad, type Tensor, tidy } from '@tensorflow/tfjs-core';

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
