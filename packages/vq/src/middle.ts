import { gather, slice, type Tensor1D, type Tensor2D, tensor1d, topk, transpose } from '@tensorflow/tfjs-core';

/**
 * [1, d]: the median of each feature over some rows, of odd number and finite. An origin near which tokens lie, and which a few far ones
 * cannot move, as they would move the mean: what is added up around it loses no digits to an offset that all have in common.
 */
export function middleOf(rows: Tensor2D): Tensor2D {
  const [n, d] = rows.shape;
  const { values } = topk(transpose(rows), (n + 1) / 2);
  return transpose(slice(values, [0, (n - 1) / 2], [d, 1])) as Tensor2D;
}

/** Nine rows from all over x. */
export function someRows(x: Tensor2D): Tensor2D {
  const places = Int32Array.from({ length: 9 }, (_, i) => Math.floor(((i + 0.5) / 9) * x.shape[0]));
  return gather(x, tensor1d(places, 'int32') as Tensor1D) as Tensor2D;
}
