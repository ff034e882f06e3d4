import type { CodecKernels, RowEncoder, ScoredSpace } from '@vqkit/core-tensor/codec';
import { createPlainSearch, linearSlack } from '@vqkit/core-tensor/plain-search';
import type { SimVqCodeConfig } from './code-options.ts';
import { affine, type PlainCodes } from './codec-state.ts';

/** The search of the codes; by scores as in search.ts, in float64, where they are wider than their frozen vectors. */
export function createCodeSearch(
  { dim, frozenCodebookDim }: SimVqCodeConfig,
  { codebook, linear }: PlainCodes,
  kernels?: CodecKernels,
): RowEncoder {
  const space = linear && frozenCodebookDim < dim ? frozenSpace(codebook, linear, frozenCodebookDim, dim) : undefined;
  return createPlainSearch({ codes: codebook, dim, space }, kernels);
}

/** With keys κ = f - f̄ and the centre o = W f̄ + b: `argmax ⟨(x - o) W, κ⟩ - ½ |c - o|²`. */
function frozenSpace(
  codebook: Float32Array,
  { frozen, weight, bias }: NonNullable<PlainCodes['linear']>,
  width: number,
  dim: number,
): ScoredSpace {
  const count = frozen.length / width;
  const mean = new Float64Array(width);
  frozen.forEach((value, i) => {
    mean[i % width] = (mean[i % width] as number) + value / count;
  });
  const center = affine(mean, weight, bias);
  const keys = Float64Array.from(frozen, (value, i) => value - (mean[i % width] as number));
  const offsets = Float64Array.from(codebook, (value, i) => value - (center[i % dim] as number));
  const biases = new Float64Array(count);
  offsets.forEach((value, i) => {
    const k = Math.floor(i / dim);
    biases[k] = (biases[k] as number) - (value * value) / 2;
  });
  const moved = new Float64Array(dim);
  const norms = {
    weight: longest(weight, weight.length),
    key: longest(keys, width),
    frozen: longest(frozen, width),
    bias: longest(bias, dim),
    code: longest(offsets, dim),
    one: 1,
  };
  return {
    width,
    keys,
    biases,
    slack: linearSlack<number>(
      (a, b) => a + b,
      (a, b) => a * b,
      norms,
      width,
      dim,
      2 ** -53,
    ),
    setQuery: (input, token, queries, at) => {
      let squares = 0;
      for (let j = 0; j < dim; j++) {
        moved[j] = (input[token * dim + j] as number) - (center[j] as number);
        squares += (moved[j] as number) ** 2;
      }
      for (let i = 0; i < width; i++) {
        let sum = 0;
        for (let j = 0; j < dim; j++) sum += (moved[j] as number) * (weight[j * width + i] as number);
        queries[at + i] = sum;
      }
      return Math.sqrt(squares);
    },
  };
}

/** The length of the longest row. */
function longest(rows: Float32Array | Float64Array, width: number): number {
  let most = 0;
  let squares = 0;
  rows.forEach((value, i) => {
    squares = (i % width === 0 ? 0 : squares) + value * value;
    most = Math.max(most, squares);
  });
  return Math.sqrt(most);
}
