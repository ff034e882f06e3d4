import {
  any,
  notEqual,
  reshape,
  scalar,
  slice,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  transpose,
} from '@tensorflow/tfjs-core';
import { DtypeError, type Quantizer, requireTensor, ShapeError } from '@vqkit/core-tensor';
import type { Members } from './members.ts';

// Inside a composition indices are rows, int32 [codebooks, N]: to join and to cut rows is many times faster on wasm than columns.

/** Indices as a member's `quantize` gives them for N tokens → [its codebooks, N]. */
export function toRows(indices: Tensor, { numCodebooks }: Quantizer): Tensor2D {
  if (numCodebooks === 1) return reshape(indices, [1, -1]);
  return transpose(reshape(indices, [-1, numCodebooks])) as Tensor2D;
}

/** The rows of member j. */
export function rowsOf(rows: Tensor2D, { columns }: Members, j: number): Tensor2D {
  const [from, to] = [columns[j] as number, columns[j + 1] as number];
  return slice(rows, [from, 0], [to - from, -1]);
}

/** bool [N]: whether a token has an index, -1 being none, in any of the rows. */
export function hasIndex(rows: Tensor2D): Tensor1D {
  return any(notEqual(rows, scalar(-1, 'int32')), 0);
}

/**
 * Throws unless `indices` are int32 and end in an axis of one of these lengths; gives the shape of the tokens.
 *
 * @param hint the fix for another length.
 */
export function requireIndices(where: string, indices: Tensor, lengths: readonly number[], hint: string): number[] {
  requireTensor(where, 'indices', indices);
  if (indices.dtype !== 'int32') {
    throw new DtypeError(where, 'indices', 'be int32', indices.dtype, "Cast them with tf.cast(indices, 'int32').");
  }
  if (indices.rank < 1 || !lengths.includes(indices.shape.at(-1) as number)) {
    throw new ShapeError(where, 'indices', `end in an axis of ${lengths.join(' or ')} codebooks`, indices.shape, hint);
  }
  return indices.shape.slice(0, -1);
}
