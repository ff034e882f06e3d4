import { type Scalar, square, sub, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { stopGradient } from '@vqkit/core-tensor';
import { checkPair, type TokenWeights, tokenMean, tokenRows } from './tokens.ts';

/**
 * Commitment loss: pulls the encoder's output to the code it was given, and so bounds its growth.
 *
 * `mean((z - sg q)²)`, over all elements of the tokens that count; sg = stop gradient.
 *
 * - Shapes: z and q [..., features], `weights` [...]. Range: >= 0; 0 when no token counts.
 * - Gradient: `2 (z - q) / elements` to z, none to q.
 *
 * Source: van den Oord, Vinyals, Kavukcuoglu, "Neural Discrete Representation Learning", arXiv:1711.00937, the third term of
 * equation 3.
 *
 * @throws ShapeError when the shapes differ or the weights are not one per token.
 * @example
 * const pull = commitmentLoss(z, quantized, { weights: mask });
 */
export function commitmentLoss(z: Tensor, q: Tensor, options: TokenWeights = {}): Scalar {
  return tidy(() => {
    const weights = checkPair('commitmentLoss', z, q, options);
    return tokenMean(square(tokenRows(sub(z, stopGradient(q)), weights)), weights);
  });
}
