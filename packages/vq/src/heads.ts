import {
  concat,
  expandDims,
  mul,
  ones,
  reshape,
  split,
  stack,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
} from '@tensorflow/tfjs-core';
import { asRows } from '@vqkit/core-tensor';
import type { VqConfig } from './options.ts';

/** How tokens become the rows that each codebook quantizes, and back. One codebook for all heads sees N · heads rows. */
export interface Heads {
  /** Codebooks: `heads` where each head has its own, else 1. */
  readonly books: number;
  /** [N, heads · d] → for each codebook [rows, d]. */
  split(x: Tensor2D): Tensor2D[];
  /** The inverse of `split`. */
  join(rows: readonly Tensor2D[]): Tensor2D;
  /** Indices of the rows of each codebook → int32 [N, heads]. */
  joinIndices(indices: readonly Tensor1D[]): Tensor2D;
  /** int32 [N, heads] → indices for each codebook. */
  splitIndices(indices: Tensor2D): Tensor1D[];
  /** Weights of tokens [N] → of the rows of any codebook. */
  rowWeights(weights: Tensor1D | undefined): Tensor1D | undefined;
}

export function createHeads({ heads, codebookDim, separateCodebookPerHead }: VqConfig): Heads {
  if (heads === 1 || !separateCodebookPerHead) {
    return {
      books: 1,
      split: (x) => [asRows(x, codebookDim)],
      join: ([rows]) => asRows(rows as Tensor2D, heads * codebookDim),
      joinIndices: ([indices]) => reshape(indices as Tensor1D, [-1, heads]),
      splitIndices: (indices) => [reshape(indices, [-1])],
      rowWeights: (weights) =>
        weights === undefined || heads === 1
          ? weights
          : (reshape(mul(expandDims(weights, 1), ones([1, heads])), [-1]) as Tensor1D),
    };
  }
  const parts = (x: Tensor2D): Tensor[] => split(x, heads, 1);
  return {
    books: heads,
    split: (x) => parts(x) as Tensor2D[],
    join: (rows) => concat([...rows], 1),
    joinIndices: (indices) => stack([...indices], 1) as Tensor2D,
    splitIndices: (indices) => parts(indices).map((part) => reshape(part, [-1]) as Tensor1D),
    rowWeights: (weights) => weights,
  };
}
