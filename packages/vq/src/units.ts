import { abs, greater, less, square, sub, sum, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core';
import { selectRows, unitLength } from '@vqkit/core-tensor';

/**
 * The one door by which a vector becomes a code of cosine similarity: at length 1 where it has a direction, else `instead`. What has length 1
 * within rounding stays as it is, so that a state that was saved loads as the same bits.
 */
export function unitOr(vectors: Tensor2D, instead: Tensor2D): Tensor2D {
  const nearly = less(abs(sub(sum(square(vectors), 1), 1)), 1e-6) as Tensor1D;
  const units = unitLength(vectors, 1);
  return selectRows(nearly, vectors, selectRows(hasDirection(units), units, instead));
}

/** bool [N]: which rows of what {@link unitLength} gave are no zeros, and numbers. */
export function hasDirection(units: Tensor2D): Tensor1D {
  return greater(sum(square(units), 1), 0.25);
}
