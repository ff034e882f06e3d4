import type { CodecKernels, CodecMethod, RowEncoder } from './codec.ts';

/** As in the kernel NearestCode: a vector with an element of this magnitude or more is not searched, and never chosen. */
const LIMIT = 2 ** 56;
/** Below the score of every usable code. */
const LOWEST = -(2 ** 127);

/** Tokens and codes that are multiplied together: each number is loaded once for several of the eight sums. */
const TOKENS = 2;
const CODES = 4;

/** The space in which a codec searches: puts the query of a token of `input` at a place of `queries`; and what a key is among the tokens,
 * as these may be wider. */
export type SearchSpace = readonly [
  setQuery: (input: Float32Array | Float64Array, token: number, queries: Float64Array, at: number) => void,
  widen: (key: Float64Array) => Float64Array,
];

/**
 * `argmax_k ⟨query, key_k⟩ - ½ |widen(key_k)|²` in float64: the search of codecs, in plain loops that allocate nothing.
 *
 * @param vectors [K, width]; keys are these less their mean.
 * @param dim elements of a token.
 * @param spaceAt the space, for that mean.
 * @returns writes the index of the nearest code of each token, [N, dim] → [N]. Ties: the lowest index; a token with a NaN, an infinity or a
 * magnitude of 2^56 or more gets index 0. With kernels the same indices, most of them from rounded scores that leave one code.
 */
export function createPlainSearch(
  vectors: Float32Array,
  width: number,
  dim: number,
  spaceAt: (mean: Float64Array) => SearchSpace,
  kernels?: CodecKernels,
): RowEncoder {
  const codebookSize = vectors.length / width;
  const isUsable = (numbers: Float64Array, from: number): boolean => {
    for (let i = from; i < from + width; i++) if (!(Math.abs(numbers[i] as number) < LIMIT)) return false;
    return true;
  };
  const mean = new Float64Array(width);
  for (let k = 0; k < codebookSize; k++) {
    for (let i = 0; i < width; i++) mean[i] = (mean[i] as number) + (vectors[k * width + i] as number) / codebookSize;
  }
  const [setQuery, widen] = spaceAt(mean);
  // Room for the last block of codes, whatever their number.
  const padded = codebookSize + CODES;
  const keys = new Float64Array(padded * width);
  const biases = new Float64Array(padded).fill(LOWEST);
  for (let k = 0; k < codebookSize; k++) {
    const key = mean.map((value, i) => (vectors[k * width + i] as number) - value);
    if (!isUsable(key, 0)) continue;
    keys.set(key, k * width);
    biases[k] = widen(key).reduce((sum, value) => sum - (value * value) / 2, 0);
  }

  const queries = new Float64Array(TOKENS * width);
  const best = new Float64Array(TOKENS);
  const found = new Int32Array(TOKENS);

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
      for (let t = 0; t < here; t++) setQuery(input, first + t, queries, t * width);
      best.fill(LOWEST);
      found.fill(0);
      for (let code = 0; code < codebookSize; code += CODES) scoreBlock(code);
      for (let t = 0; t < here; t++) {
        indices[first + t] = isUsable(queries, t * width) ? (found[t] as number) : 0;
      }
    }
  };
  return kernels?.nearestEncoder({ dim, width, keys, biases, setQuery, encode }) ?? encode;
}

/** The query of a token as wide as a key: x - mean. */
export function offsetFrom(mean: Float64Array): SearchSpace[0] {
  const width = mean.length;
  return (input, token, queries, at) => {
    for (let i = 0; i < width; i++) queries[at + i] = (input[token * width + i] as number) - (mean[i] as number);
  };
}

/** Writes the row of `codebook`, [K, dim], that each index names; of one out of range, what a codec writes over. */
export function decodeRows(codebook: Float32Array, dim: number): CodecMethod['decodeTokens'] {
  return (indices, output, tokens) => {
    for (let n = 0, k = 0; n < tokens; n++) {
      const from = (indices[n] as number) * dim;
      for (let i = 0; i < dim; i++, k++) output[k] = codebook[from + i] as number;
    }
  };
}
