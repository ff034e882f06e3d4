import { type Scalar, square, sub, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { stopGradient } from '@vqkit/core-tensor';
import { checkPair, type TokenWeights, tokenMean, tokenRows } from './tokens.ts';

/**
 * Codebook loss: moves a code to the encoder outputs that chose it, where codes are trained by gradient.
 *
 * `mean((sg z - q)²)`: the commitment loss with the gradient on the other side.
 *
 * - Shapes: z and q [..., features], `weights` [...]. Range: >= 0; 0 when no token counts.
 * - Gradient: `2 (q - z) / elements` to q, none to z.
 *
 * Source: van den Oord, Vinyals, Kavukcuoglu, "Neural Discrete Representation Learning", arXiv:1711.00937, the second term of
 * equation 3.
 *
 * @throws ShapeError when the shapes differ or the weights are not one per token.
 * @example
 * const loss = tf.add(codebookLoss(z, codes), tf.mul(0.25, commitmentLoss(z, codes)));
 */
export function codebookLoss(z: Tensor, q: Tensor, options: TokenWeights = {}): Scalar {
  return tidy(() => {
    const weights = checkPair('codebookLoss', z, q, options);
    return tokenMean(square(tokenRows(sub(stopGradient(z), q), weights)), weights);
  });
}
