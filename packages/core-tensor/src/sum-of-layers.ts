import {
  add,
  any,
  cast,
  equal,
  fill,
  greater,
  greaterEqual,
  less,
  logicalAnd,
  logicalNot,
  logicalOr,
  mul,
  notEqual,
  reshape,
  scalar,
  slice,
  stack,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  transpose,
  zeros,
} from '@tensorflow/tfjs-core';
import { selectRows } from './kernels/select-rows.ts';

/** How the indices of a residual stack are read. */
export interface LayerIndices {
  /** Codes of each layer: its indices are in [0, size), or -1 for a layer that did not run. */
  readonly sizes: readonly number[];
  /** Whether a token may lack its last layers, and not only all of them. */
  readonly dropout: boolean;
}

/**
 * The sum over layers of the codes of int32 indices [N, Q], any values: [N, d]. A layer of index -1 adds 0; NaN in all of a token whose
 * indices are no token's: out of range, -1 in some layers (without `dropout`), or -1 before an index.
 *
 * @param codesOf the codes of one layer for int32 [N], every index in range.
 */
export function sumOfLayers(
  indices: Tensor2D,
  { sizes, dropout }: LayerIndices,
  codesOf: (ids: Tensor1D, layer: number) => Tensor2D,
): Tensor2D {
  // Rows are many times faster to cut than columns.
  const rows: Tensor2D = transpose(indices);
  const count = sizes.length;
  const above = reshape(tensor1d([...sizes], 'int32'), [count, 1]);
  const present: Tensor2D = logicalAnd(greaterEqual(rows, scalar(0, 'int32')), less(rows, above));
  const ran: Tensor2D = cast(present, 'int32');
  let broken: Tensor1D = any(equal(add(cast(equal(rows, scalar(-1, 'int32')), 'int32'), ran), scalar(0, 'int32')), 0);
  if (count > 1) {
    const before = slice(ran, [0, 0], [count - 1, -1]);
    const after = slice(ran, [1, 0], [count - 1, -1]);
    const wrong: Tensor = dropout ? greater(after, before) : notEqual(after, before);
    broken = logicalOr(broken, any(wrong, 0));
  }
  const safe: Tensor2D = mul(rows, ran);
  const row = (of: Tensor2D, j: number): Tensor1D => reshape(slice(of, [j, 0], [1, -1]), [-1]);
  const sum = sizes
    .map((_, j) => {
      const codes = codesOf(row(safe, j), j);
      return selectRows(greater(row(ran, j), scalar(0, 'int32')), codes, zeros([codes.shape[0], 1]));
    })
    .reduce((total, codes) => add(total, codes));
  return selectRows(logicalNot(broken), sum, fill([sum.shape[0], 1], Number.NaN));
}

/** One row of indices per layer → int32 [N, Q]. */
export function columnsOf(rows: readonly Tensor1D[]): Tensor2D {
  return transpose(stack([...rows]) as Tensor2D);
}
