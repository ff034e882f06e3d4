import type { Tensor2D } from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.ts';
import { sumOfLayers } from '../sum-of-layers.ts';
import { gatherCodes } from './gather-codes.ts';

/** `indices`, and the codebooks by the names 0, 1, …. */
type Inputs = { readonly indices: Tensor2D } & { readonly [codebook: string]: Tensor2D };

interface GatherSumAttrs {
  readonly layers: number;
  readonly dropout: boolean;
}

const GatherSum = defineKernel<Inputs, GatherSumAttrs, [Tensor2D]>({
  name: 'GatherSum',
  reference: (inputs, { layers, dropout }) => {
    const codebooks = Array.from({ length: layers }, (_, j) => inputs[j] as Tensor2D);
    const sizes = codebooks.map(({ shape }) => shape[0]);
    return [sumOfLayers(inputs.indices, { sizes, dropout }, (row, j) => gatherCodes(codebooks[j] as Tensor2D, row))];
  },
});

/**
 * The sum over Q codebooks of their rows at int32 indices: codebooks [K_j, D], indices [N, Q] → [N, D], added in float32 in the order of
 * the codebooks. Any indices: -1 adds nothing, and what is no token (see `sumOfLayers`) gives NaN. No gradient.
 *
 * @param codebooks the codebooks of a residual stack, coarsest first; one may stand there several times.
 * @param dropout whether a token may lack its last layers; otherwise -1 stands in all of them or in none.
 * @example
 * const [coarse, fine] = [tf.tensor2d([[0], [10]]), tf.tensor2d([[1], [2]])];
 * gatherSum([coarse, fine], tf.tensor2d([[1, 0], [0, 1]], [2, 2], 'int32'), false); // [[11], [2]]
 */
export function gatherSum(codebooks: readonly Tensor2D[], indices: Tensor2D, dropout: boolean): Tensor2D {
  return GatherSum({ ...Object.fromEntries(codebooks.entries()), indices }, { layers: codebooks.length, dropout })[0];
}
