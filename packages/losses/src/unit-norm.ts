import { type Scalar, square, sub, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { requireKnownOptions } from '@vqkit/core-tensor';
import { flatWeights, type TokenWeights, tokenMean, tokenRows } from './tokens.ts';

/**
 * Unit-norm loss: keeps every feature near +1 or -1, the corners of LFQ, without choosing a corner.
 *
 * `mean((x² - 1)²)`, over all elements of the tokens that count. Without a term like it nothing in the LFQ loss bounds |x|: the
 * latents grow, every bit saturates, and the entropy loss loses its gradient.
 *
 * - Shapes: x [..., features], `weights` [...]. Range: >= 0; 0 when no token counts.
 * - Gradient: `4 x (x² - 1) / elements`; 0 at x = 0.
 *
 * Source: ours; a quartic double-well potential with its minima on the codes of LFQ.
 *
 * @throws ShapeError when the weights are not one per token.
 * @example
 * const loss = tf.add(taskLoss, tf.mul(0.1, unitNormLoss(z)));
 */
export function unitNormLoss(x: Tensor, options: TokenWeights = {}): Scalar {
  const where = 'unitNormLoss';
  requireKnownOptions(where, options, ['weights']);
  return tidy(() => {
    const weights = flatWeights(where, 'weights', options.weights, x);
    return tokenMean(square(sub(square(tokenRows(x, weights)), 1)), weights);
  });
}
