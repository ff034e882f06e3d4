import { mul, type Scalar, square, sub, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { requireKnownOptions, requirePositive } from '@vqkit/core-tensor';
import { flatWeights, type TokenWeights, tokenMean, tokenRows } from './tokens.ts';

export interface UnitNormOptions extends TokenWeights {
  /** s: the magnitude that features are pulled to. Default 1. */
  readonly scale?: number;
}

/**
 * Unit-norm loss: keeps every feature near +s or -s, the corners of LFQ, without choosing a corner.
 *
 * `mean((x² - s²)² / s²)` with s = `scale`, over all elements of the tokens that count: near a corner it is 4 (|x| - s)², whatever s is.
 * Without a term like it nothing in the LFQ loss bounds |x|: the latents grow, every bit saturates, and the entropy loss loses its
 * gradient.
 *
 * - Shapes: x [..., features], `weights` [...]. Range: >= 0; 0 when no token counts.
 * - Gradient: `4 x (x²/s² - 1) / elements`; 0 at x = 0.
 *
 * Source: ours; a quartic double-well potential with its minima on the codes of LFQ.
 *
 * @throws OptionError when scale is not a positive number; ShapeError when the weights are not one per token.
 * @example
 * const loss = tf.add(taskLoss, tf.mul(0.1, unitNormLoss(z)));
 */
export function unitNormLoss(x: Tensor, options: UnitNormOptions = {}): Scalar {
  const where = 'unitNormLoss';
  requireKnownOptions(where, options, ['weights', 'scale']);
  const { scale = 1 } = options;
  requirePositive(where, 'scale', scale);
  return tidy(() => {
    const weights = flatWeights(where, 'weights', options.weights, x);
    const rows = tokenRows(x, weights);
    const perScale = scale === 1 ? rows : mul(rows, 1 / scale);
    const loss = tokenMean(square(sub(square(perScale), 1)), weights);
    return scale === 1 ? loss : mul(loss, scale ** 2);
  });
}
