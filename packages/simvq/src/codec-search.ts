import type { CodecKernels, RowEncoder } from '@vqkit/core-tensor/codec';
import { createPlainSearch, offsetFrom, type SearchSpace } from '@vqkit/core-tensor/plain-search';
import type { SimVqCodeConfig } from './code-options.ts';
import { affine, type PlainCodes } from './codec-state.ts';

/**
 * The formulas of search.ts in float64: with keys k = c - c̄, `argmin |x - c| = argmax ⟨x - c̄, k⟩ - ½ |k|²`; where the codes are wider
 * than their frozen vectors f, k = f - f̄ and `⟨(x - c̄) W, k⟩ - ½ |W k|²`.
 */
export function createCodeSearch(
  { dim, frozenCodebookDim }: SimVqCodeConfig,
  { codebook, linear }: PlainCodes,
  kernels?: CodecKernels,
): RowEncoder {
  const narrow = frozenCodebookDim < dim ? linear : undefined;
  const width = narrow ? frozenCodebookDim : dim;
  const spaceAt = (mean: Float64Array): SearchSpace => {
    if (!narrow) return [offsetFrom(mean), (key) => key];
    const { weight, bias } = narrow;
    const center = affine(mean, weight, bias);
    return [
      (input, token, queries, at) => {
        for (let i = 0; i < width; i++) {
          let sum = 0;
          for (let j = 0; j < dim; j++) {
            sum += ((input[token * dim + j] as number) - (center[j] as number)) * (weight[j * width + i] as number);
          }
          queries[at + i] = sum;
        }
      },
      (key) => affine(key, weight, new Float32Array(dim)),
    ];
  };
  return createPlainSearch(narrow?.frozen ?? codebook, width, dim, spaceAt, kernels);
}
