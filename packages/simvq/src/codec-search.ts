import type { CodecKernels, RowEncoder } from '@vqkit/core-tensor/codec';
import { createPlainSearch, type SearchSpace } from '@vqkit/core-tensor/plain-search';
import type { SimVqCodeConfig } from './code-options.ts';
import { affine, type PlainCodes } from './codec-state.ts';

/**
 * The formulas of search.ts in float64: with keys k = c - c̄, `argmin |x - c| = argmax ⟨x - c̄, k⟩ - ½ |k|²`; where the codes are wider
 * than their frozen vectors f, k = f - f̄ and `⟨(x - c̄) W, k⟩ - ½ |W k|²`.
 */
export function createCodeSearch(
  { dim, codebookSize, frozenCodebookDim }: SimVqCodeConfig,
  { codebook, linear }: PlainCodes,
  kernels?: CodecKernels,
): RowEncoder {
  const narrow = frozenCodebookDim < dim ? linear : undefined;
  const width = narrow ? frozenCodebookDim : dim;
  const space = (mean: Float64Array): SearchSpace => {
    const center = narrow ? affine(mean, narrow.weight, narrow.bias) : mean;
    return {
      setQuery(input, token, queries, at) {
        for (let j = 0; j < dim; j++) {
          const x = (input[token * dim + j] as number) - (center[j] as number);
          if (!narrow) queries[at + j] = x;
          for (let i = 0; narrow && i < width; i++) {
            queries[at + i] = (queries[at + i] as number) + x * (narrow.weight[j * width + i] as number);
          }
        }
      },
      squaredLength(key) {
        const wide = narrow ? affine(key, narrow.weight, new Float32Array(dim)) : key;
        return wide.reduce((sum, value) => sum + value * value, 0);
      },
    };
  };
  return createPlainSearch({ dim, width, codebookSize, vectors: narrow?.frozen ?? codebook, space }, kernels);
}
