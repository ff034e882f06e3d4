import {
  add,
  div,
  mul,
  reshape,
  rsqrt,
  type Scalar,
  scalar,
  square,
  sub,
  type Tensor,
  type Tensor3D,
  tidy,
  transpose,
} from '@tensorflow/tfjs-core';

import { matMul, ShapeError, sum } from '@vqkit/core-tensor';

/** Keeps the direction of a zero vector at 0, with a finite gradient. */
const TINY = 1e-24;

/**
 * Orthogonality loss: keeps the codes of a codebook from pointing the same way.
 *
 * `Σ_{i≠j} cos²(c_i, c_j) / (h n²)` for h codebooks of n codes. The sum over all pairs is `|Ĉᵀ Ĉ|²`, Ĉ the codes at unit length, so
 * that no n × n matrix is formed when n > features.
 *
 * - Shapes: codebook [n, features] or [h, n, features]. Range: 0 (all orthogonal) to 1 - 1/n (all parallel); it cannot reach 0 for
 *   n > features.
 * - Gradient: to the codebook, orthogonal to every code. A zero code has no direction: it counts as orthogonal to all.
 *
 * Differs from vector-quantize-pytorch (`orthogonal_loss_fn`): only in how it is computed, and for zero codes, where that one falls
 * below 0.
 *
 * Source: Shin et al., "Exploration into Translation-Equivariant Image Quantization", arXiv:2112.00384.
 *
 * @throws ShapeError when the codebook has another rank or no codes.
 * @example
 * const loss = tf.add(taskLoss, tf.mul(10, orthogonalityLoss(codebook)));
 */
export function orthogonalityLoss(codebook: Tensor): Scalar {
  if ((codebook.rank !== 2 && codebook.rank !== 3) || codebook.size === 0) {
    throw new ShapeError(
      'orthogonalityLoss',
      'codebook',
      'have shape [codes, features] or [codebooks, codes, features], none of them 0',
      codebook.shape,
      'Pass the codes themselves, not indices.',
    );
  }
  return tidy(() => {
    const [h, n, features] = (codebook.rank === 2 ? [1, ...codebook.shape] : codebook.shape) as [
      number,
      number,
      number,
    ];
    const codes: Tensor3D = reshape(codebook, [h, n, features]);
    const unit = mul(codes, rsqrt(add(sum(square(codes), 2, true), scalar(TINY)))) as Tensor3D;
    const across = transpose(unit, [0, 2, 1]);
    const gram = n > features ? matMul(across, unit) : matMul(unit, across);
    const withItself = sum(square(sum(square(unit), 2)));
    return div(sub(sum(square(gram)), withItself), scalar(h * n * n));
  });
}
