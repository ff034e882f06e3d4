import { reshape, type Tensor, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { phrase, requireKnownOptions, requirePositive, rotateRowsTo, ShapeError, show } from '@vqkit/core-tensor';

const WHERE = 'rotateTo';

export interface RotateToOptions {
  /** Upper bound of λ = |q| / |x|. Default {@link ROTATION_MAX_SCALE}. */
  readonly maxScale?: number;
}

/**
 * Default bound of the gradient's scale λ in the rotation trick: 100. A token whose input is 100 times shorter than its code sits
 * at the origin as seen from the codebook (its code is at distance |q| ± 1 %), and 100 = √10,000: among the some 10,000 tokens of
 * an ordinary batch one such token weighs as much as all the others together, and no more. Ordinary tokens (λ from 0.1 to 10) are
 * far below it.
 */
export const ROTATION_MAX_SCALE: number = 100;

/**
 * The rotation trick: the value is q, exactly; the gradient reaches x through the rotation that takes x to q.
 *
 * `g_x = λ Rᵀ g = λ (g - 2(g·w)w + 2(g·q̂)û)`, with `û = x/|x|`, `q̂ = q/|q|`, `w = unit(û + q̂)`,
 * `R = I - 2wwᵀ + 2q̂ûᵀ` (orthogonal, `Rû = q̂`, the identity outside the plane of û and q̂) and `λ = min(|q|/|x|, maxScale)`.
 * R and λ count as constants; nothing in it is random.
 *
 * - Shapes: x and q have one shape, features on the last axis; a rank-1 tensor is one token.
 * - Gradient: to x as above, to q none (train the codebook by its own loss). Where no such rotation is defined, the gradient is
 *   straight-through, g: x = 0, q = 0, and q opposite to x (|û + q̂| <= 1e-4; with one feature, every change of sign). Finite x
 *   and q give a finite gradient, for any length of x.
 *
 * Differs from vector-quantize-pytorch (`rotate_to`): the value is q itself, where its is off by up to 2e-5 for codes of length √D, and by
 * 4e-4 where x is nearly opposite to q (apps/bench/peers/rotation.py); x = 0 gives q and not 0; λ is bounded
 * by 100 instead of 1e6; for q opposite to x it gives a reflection of the gradient, here it is straight-through.
 *
 * Source: Fifty et al., "Restructuring Vector Quantization with the Rotation Trick", arXiv:2410.06424.
 *
 * @throws ShapeError when x and q differ in shape or are scalars; OptionError when maxScale is not a positive number.
 * @example
 * const y = rotateTo(x, q); // the values of q; grad(y) reaches x rotated and scaled
 */
export function rotateTo<T extends Tensor>(x: T, q: T, options: RotateToOptions = {}): T {
  requireKnownOptions(WHERE, options, ['maxScale']);
  const { maxScale = ROTATION_MAX_SCALE } = options;
  requirePositive(WHERE, 'maxScale', maxScale);
  if (x.rank < 1 || x.rank !== q.rank || x.shape.some((size, i) => size !== q.shape[i])) {
    throw new ShapeError(
      WHERE,
      'x and q',
      'have the same shape of rank >= 1',
      phrase(`${show(x.shape)} and ${show(q.shape)}`, [x.shape, q.shape]),
      'Pass one code per token.',
    );
  }
  // Both are empty, but x has the gradient.
  if (x.size === 0) return x.clone();
  const rows = (t: Tensor): Tensor2D => reshape(t, [-1, x.shape.at(-1) as number]);
  return tidy(() => reshape(rotateRowsTo(rows(x), rows(q), maxScale), x.shape) as T);
}
