import { gather, type Tensor, type Tensor1D, type Tensor2D, unsortedSegmentSum } from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.ts';

const GatherCodes = defineKernel<{ codes: Tensor2D; indices: Tensor1D }, { codebookSize: number }, [Tensor2D]>({
  name: 'GatherCodes',
  reference: ({ codes, indices }) => [gather(codes, indices)],
  inputsToSave: ['indices'],
  gradient: ([dRows], [indices], { codebookSize }) => ({
    codes: () => unsortedSegmentSum(dRows as Tensor, indices as Tensor1D, codebookSize),
  }),
});

/**
 * The rows of a codebook at int32 indices: [K, D], [N] → [N, D], exact copies.
 *
 * Gradient: to `codes` the sum of the gradients of all rows that were copied from it; none to `indices` (tfjs's own `gather`
 * cannot be differentiated with int32 indices that come from activations). Indices must be in [0, K).
 */
export function gatherCodes(codes: Tensor2D, indices: Tensor1D): Tensor2D {
  return GatherCodes({ codes, indices }, { codebookSize: codes.shape[0] })[0];
}
