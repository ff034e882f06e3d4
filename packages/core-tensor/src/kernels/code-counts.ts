import {
  add,
  cast,
  greaterEqual,
  less,
  logicalAnd,
  mul,
  ones,
  scalar,
  slice,
  type Tensor1D,
  unsortedSegmentSum,
  zeros,
} from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.ts';

const CodeCounts = defineKernel<{ indices: Tensor1D }, { codebookSize: number }, [Tensor1D]>({
  name: 'CodeCounts',
  // What is out of range counts for a code before the first.
  reference: ({ indices }, { codebookSize }) => {
    const known = logicalAnd(greaterEqual(indices, scalar(0, 'int32')), less(indices, scalar(codebookSize, 'int32')));
    const shifted = mul(add(indices, scalar(1, 'int32')), cast(known, 'int32')) as Tensor1D;
    // In float32, because engines differ in what they do with integers here.
    const counts = unsortedSegmentSum(ones(indices.shape), shifted, codebookSize + 1);
    return [cast(slice(counts, 1, codebookSize), 'int32') as Tensor1D];
  },
});

/**
 * How often each of K codes occurs: int32 [N] → int32 [K]. Indices out of range, such as -1 of padding, are not counted. No gradient. Exact up to
 * 2^24 times on every engine.
 *
 * @example
 * codeCounts(tf.tensor1d([2, 0, 2, -1], 'int32'), 4); // [1, 0, 2, 0]
 */
export function codeCounts(indices: Tensor1D, codebookSize: number): Tensor1D {
  if (indices.size === 0) return zeros([codebookSize], 'int32');
  return CodeCounts({ indices }, { codebookSize })[0];
}
