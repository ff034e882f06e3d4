import {
  all,
  cast,
  concat,
  equal,
  fill,
  greaterEqual,
  less,
  logicalAnd,
  mul,
  scalar,
  where as select,
  slice,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core';
import { zerosFrom } from './autodiff.ts';
import { selectRows } from './kernels/select-rows.ts';

/** Elements of codes that are made at a time: what lies between indices and codes can be several times as large as the codes. */
const PIECE = 2 ** 24;

/**
 * Decodes int32 [N, codebooks] to [N, dim] a piece at a time. No tokens at all give [0, dim], with a gradient of zero to the variables.
 *
 * @param decode gets N >= 1 tokens.
 * @example
 * const table = tf.tensor2d([[0, 1], [2, 3]]);
 * const ids = tf.tensor2d([1, 0], [2, 1], 'int32');
 * const codes = decodeInPieces(ids, 2, [table], (own) => tf.gather(table, tf.reshape(own, [-1])));
 */
export function decodeInPieces(
  indices: Tensor2D,
  dim: number,
  variables: readonly Tensor[],
  decode: (piece: Tensor2D) => Tensor2D,
): Tensor2D {
  const [tokens, codebooks] = indices.shape;
  if (tokens === 0) return zerosFrom([0, dim], variables) as Tensor2D;
  const rows = Math.max(1, Math.floor(PIECE / dim));
  if (tokens <= rows) return decode(indices);
  const pieces = Array.from({ length: Math.ceil(tokens / rows) }, (_, i) =>
    tidy(() => decode(slice(indices, [i * rows, 0], [Math.min(rows, tokens - i * rows), codebooks]))),
  );
  return concat(pieces);
}

/**
 * The codes of any int32 [N, codebooks], N >= 1: zeros where all are -1, NaN where one is out of range otherwise.
 *
 * @param decode gets indices in [0, codebookSize).
 */
export function decodeAny(indices: Tensor2D, codebookSize: number, decode: (indices: Tensor2D) => Tensor2D): Tensor2D {
  const inRange = logicalAnd(greaterEqual(indices, scalar(0, 'int32')), less(indices, scalar(codebookSize, 'int32')));
  const codes = decode(mul(indices, cast(inRange, 'int32')));
  const padding = all(equal(indices, scalar(-1, 'int32')), 1, true) as Tensor2D;
  const instead = select(padding, zeros(padding.shape), fill(padding.shape, Number.NaN)) as Tensor2D;
  return selectRows(all(inRange, 1) as Tensor1D, codes, instead);
}
