import type { CodecKernels, RowEncoder } from '@vqkit/core-tensor/codec';
import type { SimVqCodeConfig } from './code-options.ts';
import { affine, type PlainCodes } from './codec-state.ts';

/** As in the kernel NearestCode: a vector with an element of this magnitude or more is not searched, and never chosen. */
const LIMIT = 2 ** 56;
/** Below the score of every usable code. */
const LOWEST = -(2 ** 127);

/** Tokens and codes that are multiplied together: each number is loaded once for several of the eight sums. */
const TOKENS = 2;
const CODES = 4;

/**
 * The formulas of search.ts in float64: with keys k = c - c̄, `argmin |x - c| = argmax ⟨x - c̄, k⟩ - ½ |k|²`; where the codes are wider
 * than their frozen vectors f, k = f - f̄ and `⟨(x - c̄) W, k⟩ - ½ |W k|²`.
 *
 * @returns writes the index of the nearest code of each token, [N, dim] → [N], without allocating; with kernels the same indices, most of
 * them from float32 scores that decide beyond rounding.
 */
export function createPlainSearch(
  { dim, codebookSize, frozenCodebookDim }: SimVqCodeConfig,
  { codebook, linear }: PlainCodes,
  kernels?: CodecKernels,
): RowEncoder {
  const narrow = frozenCodebookDim < dim ? linear : undefined;
  const width = narrow ? frozenCodebookDim : dim;
  const rows = narrow?.frozen ?? codebook;
  const isUsable = (vectors: Float64Array, from: number): boolean => {
    for (let i = from; i < from + width; i++) if (!(Math.abs(vectors[i] as number) < LIMIT)) return false;
    return true;
  };
  const mid = new Float64Array(width);
  for (let k = 0; k < codebookSize; k++) {
    for (let i = 0; i < width; i++) mid[i] = (mid[i] as number) + (rows[k * width + i] as number) / codebookSize;
  }
  const center = narrow ? affine(mid, narrow.weight, narrow.bias) : mid;
  // Room for the last block of codes, whatever their number.
  const padded = codebookSize + CODES;
  const keys = new Float64Array(padded * width);
  const biases = new Float64Array(padded).fill(LOWEST);
  for (let k = 0; k < codebookSize; k++) {
    const key = mid.map((value, i) => (rows[k * width + i] as number) - value);
    if (!isUsable(key, 0)) continue;
    keys.set(key, k * width);
    const wide = narrow ? affine(key, narrow.weight, new Float32Array(dim)) : key;
    biases[k] = wide.reduce((sum, value) => sum - (value * value) / 2, 0);
  }

  const queries = new Float64Array(TOKENS * width);
  const best = new Float64Array(TOKENS);
  const found = new Int32Array(TOKENS);

  const setQuery = (input: Float32Array, token: number, at: number): void => {
    queries.fill(0, at, at + width);
    for (let j = 0; j < dim; j++) {
      const x = (input[token * dim + j] as number) - (center[j] as number);
      if (!narrow) queries[at + j] = x;
      for (let i = 0; narrow && i < width; i++) {
        queries[at + i] = (queries[at + i] as number) + x * (narrow.weight[j * width + i] as number);
      }
    }
  };

  const offer = (t: number, score: number, code: number): void => {
    // Strictly: among equal scores the first has the lowest index.
    if (score > (best[t] as number)) {
      best[t] = score;
      found[t] = code;
    }
  };

  /** ⟨query, key⟩ + bias of two queries with four keys. */
  const scoreBlock = (code: number): void => {
    let a0 = biases[code] as number;
    let a1 = biases[code + 1] as number;
    let a2 = biases[code + 2] as number;
    let a3 = biases[code + 3] as number;
    let b0 = a0;
    let b1 = a1;
    let b2 = a2;
    let b3 = a3;
    for (let i = 0, k = code * width; i < width; i++, k++) {
      const a = queries[i] as number;
      const b = queries[width + i] as number;
      const k0 = keys[k] as number;
      const k1 = keys[k + width] as number;
      const k2 = keys[k + 2 * width] as number;
      const k3 = keys[k + 3 * width] as number;
      a0 += a * k0;
      a1 += a * k1;
      a2 += a * k2;
      a3 += a * k3;
      b0 += b * k0;
      b1 += b * k1;
      b2 += b * k2;
      b3 += b * k3;
    }
    offer(0, a0, code);
    offer(0, a1, code + 1);
    offer(0, a2, code + 2);
    offer(0, a3, code + 3);
    offer(1, b0, code);
    offer(1, b1, code + 1);
    offer(1, b2, code + 2);
    offer(1, b3, code + 3);
  };

  const encode: RowEncoder = (input, indices, tokens) => {
    for (let first = 0; first < tokens; first += TOKENS) {
      const here = Math.min(TOKENS, tokens - first);
      for (let t = 0; t < here; t++) setQuery(input, first + t, t * width);
      best.fill(LOWEST);
      found.fill(0);
      for (let code = 0; code < codebookSize; code += CODES) scoreBlock(code);
      for (let t = 0; t < here; t++) {
        indices[first + t] = isUsable(queries, t * width) ? (found[t] as number) : 0;
      }
    }
  };
  return kernels?.nearestEncoder({ dim, width, keys, biases, queries, setQuery, encode }) ?? encode;
}
