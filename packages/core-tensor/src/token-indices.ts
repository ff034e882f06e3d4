import { fill, type Rank, reshape, type Tensor, type Tensor1D, type Tensor2D, util } from '@tensorflow/tfjs-core';
import { detach, withoutGradient } from './autodiff.ts';
import { DtypeError, ShapeError } from './errors.ts';
import { selectRows } from './kernels/select-rows.ts';
import { requireTensor } from './layout.ts';

/** The indices of N tokens as a quantizer gives them: -1 for padding, then the shape of the tokens; a constant to the tape. */
export function finishIndices(
  indices: Tensor<Rank.R1 | Rank.R2>,
  real: Tensor1D | undefined,
  tokenShape: readonly number[],
  indexAxes: readonly number[],
): Tensor {
  const shape = [...tokenShape, ...indexAxes];
  if (real === undefined && util.arraysEqual(indices.shape, shape)) return detach(indices);
  return withoutGradient(() => {
    const rows = indices.rank === 1 ? (reshape(indices, [-1, 1]) as Tensor2D) : (indices as Tensor2D);
    const masked = real === undefined ? rows : selectRows(real, rows, fill([rows.shape[0], 1], -1, 'int32'));
    return reshape(masked, shape);
  });
}

/**
 * The shape of the tokens that `indices` belong to.
 *
 * @throws DtypeError unless they are int32; ShapeError when the axis of the codebooks is missing.
 */
export function indexTokenShape(where: string, indices: Tensor, indexAxes: readonly number[]): number[] {
  requireTensor(where, 'indices', indices);
  if (indices.dtype !== 'int32') {
    throw new DtypeError(where, 'indices', 'be int32', indices.dtype, "Cast them with tf.cast(indices, 'int32').");
  }
  const [codebooks] = indexAxes;
  if (codebooks === undefined) return [...indices.shape];
  if (indices.rank < 1 || indices.shape.at(-1) !== codebooks) {
    throw new ShapeError(
      where,
      'indices',
      `end in an axis of ${codebooks} codebooks`,
      indices.shape,
      'Pass what encode() returned.',
    );
  }
  return indices.shape.slice(0, -1);
}
