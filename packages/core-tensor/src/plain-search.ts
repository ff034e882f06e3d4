import type { CodecKernels, CodecMethod, PlainCodes, RowEncoder, ScoredSpace } from './codec.ts';
import { createLineSearch } from './line-search.ts';

export { createLineSearch } from './line-search.ts';

/** Tokens and codes that are compared together: each number is loaded once for several of the eight sums. */
const TOKENS = 2;
const CODES = 4;

/**
 * `argmin_k Σ_i (x_i - c_ki)²` in float64, added up from feature to feature, in plain loops that allocate nothing: the search of codecs and of
 * the cpu engine, and the definition of the index on every other.
 *
 * @returns writes the index of the nearest code of each token, [N, dim] → [N]. Ties: the lowest index. A code with a NaN or an infinity is
 * never chosen while there is another; a token with one gets the first code that has none, index 0 as a rule. In a space of scores, and with
 * kernels, the same indices, most of them from scores that leave one code.
 * @example
 * const indices = new Int32Array(1);
 * createPlainSearch({ codes: Float32Array.of(0, 1), dim: 1 })(Float32Array.of(0.9), indices, 1); // indices [1]
 */
export function createPlainSearch(book: PlainCodes, kernels?: CodecKernels): RowEncoder {
  const { dim, space } = book;
  if (space === undefined) return createCodeSearch(book, kernels);
  return fastest(
    book,
    createScoredSearch(dim, space, () => compareAll(book)),
    kernels,
  );
}

/**
 * The same without a space of scores, which a bundle that needs none leaves out.
 *
 * @example
 * const indices = new Int32Array(1);
 * createCodeSearch({ codes: Float32Array.of(0, 1), dim: 1 })(Float32Array.of(0.9), indices, 1); // indices [1]
 */
export function createCodeSearch(book: Omit<PlainCodes, 'space'>, kernels?: CodecKernels): RowEncoder {
  return book.dim > 1 ? createDirectSearch(book, kernels) : fastest(book, createLineSearch(book.codes), kernels);
}

/**
 * The slack of scores in the space of vectors f_k that a linear transform makes codes of, c_k = f_k W + b, by numbers or tensors. All norms are
 * Euclidean: `weight` that of all elements of W, `key`, `frozen` and `code` those of the longest f - f̄, f and c - o.
 *
 * With keys κ = f - f̄, centre o = f̄ W + b, y = x - o, biases -|c - o|²/2 and e = c - o - κ W, which roundings make: |e| <= (w + 4) u ((3 max|f|)
 * |W| + 2 |b|). So (|y|² - |x - c|²)/2 = ⟨y, c - o⟩ - |c - o|²/2 differs from ⟨y W', κ⟩ - |c - o|²/2 by at most |y| |e|; the query y W' is
 * (d + 3) u |y| |W| off, the bias (d + 4) u |c - o|²/2 (Higham, Accuracy and Stability of Numerical Algorithms, 3.1), and float64's sum of
 * squares (d + 2) 2^-53 (|y| + |c - o|)²/2. What is below 2^-126 may count as 0. The formula takes twice all that.
 *
 * @param u half a unit in the last place of 1 in the arithmetic of the scores and codes; codes are float32, rounded once more if need be.
 */
export function linearSlack<T>(
  add: (a: T, b: T) => T,
  mul: (a: T, b: T | number) => T,
  norms: { readonly [name in 'weight' | 'key' | 'frozen' | 'bias' | 'code' | 'one']: T },
  width: number,
  dim: number,
  u: number,
): [T, T, T] {
  const { weight, key, frozen, bias, code, one } = norms;
  const least = 2 ** -120 * (dim + width);
  const off = mul(add(mul(mul(frozen, weight), 3), mul(bias, 2)), (width + 4) * u + 2 ** -24);
  const perReach = add(add(off, mul(mul(weight, key), (dim + 3) * u)), mul(add(key, one), least));
  const sums = (dim + 2) * 2 ** -51;
  const all = add(mul(mul(code, code), (dim + 4) * u + sums), mul(add(key, one), least));
  return [all, mul(perReach, 2), mul(one, sums)];
}

/**
 * The same by comparing with every code, which a bundle without codes of one feature needs alone.
 *
 * @example
 * const indices = new Int32Array(1);
 * createDirectSearch({ codes: Float32Array.of(0, 0, 1, 1), dim: 2 })(Float32Array.of(0.9, 0.7), indices, 1); // indices [1]
 */
export function createDirectSearch(book: Omit<PlainCodes, 'space'>, kernels?: CodecKernels): RowEncoder {
  return fastest(book, compareAll(book), kernels);
}

function fastest(book: PlainCodes, encode: RowEncoder, kernels?: CodecKernels): RowEncoder {
  return kernels?.nearestEncoder({ ...book, encode }) ?? encode;
}

function compareAll({ codes, dim }: PlainCodes): RowEncoder {
  const codebookSize = codes.length / dim;
  // Room for the last block of codes: NaN is nearer to nothing.
  const padded = new Float64Array((codebookSize + CODES) * dim).fill(Number.NaN);
  padded.set(codes);
  const first = firstFinite(codes, dim);
  const queries = new Float64Array(TOKENS * dim);
  const least = new Float64Array(TOKENS);
  const found = new Int32Array(TOKENS);

  const offer = (t: number, distance: number, code: number): void => {
    // Strictly: among equal distances the first has the lowest index.
    if (distance < (least[t] as number)) {
      least[t] = distance;
      found[t] = code;
    }
  };

  const compareBlock = (code: number): void => {
    let a0 = 0;
    let a1 = 0;
    let a2 = 0;
    let a3 = 0;
    let b0 = 0;
    let b1 = 0;
    let b2 = 0;
    let b3 = 0;
    for (let i = 0, k = code * dim; i < dim; i++, k++) {
      const a = queries[i] as number;
      const b = queries[dim + i] as number;
      const k0 = padded[k] as number;
      const k1 = padded[k + dim] as number;
      const k2 = padded[k + 2 * dim] as number;
      const k3 = padded[k + 3 * dim] as number;
      let d = a - k0;
      a0 += d * d;
      d = b - k0;
      b0 += d * d;
      d = a - k1;
      a1 += d * d;
      d = b - k1;
      b1 += d * d;
      d = a - k2;
      a2 += d * d;
      d = b - k2;
      b2 += d * d;
      d = a - k3;
      a3 += d * d;
      d = b - k3;
      b3 += d * d;
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

  return (input, indices, tokens) => {
    for (let start = 0; start < tokens; start += TOKENS) {
      const here = Math.min(TOKENS, tokens - start);
      for (let i = 0, at = start * dim; i < here * dim; i++, at++) queries[i] = input[at] as number;
      least.fill(Number.POSITIVE_INFINITY);
      found.fill(first);
      for (let code = 0; code < codebookSize; code += CODES) compareBlock(code);
      for (let t = 0; t < here; t++) indices[start + t] = found[t] as number;
    }
  };
}

/** Leaves to the direct search the tokens whose two best scores are nearer to each other than scores may be off. */
function createScoredSearch(dim: number, space: ScoredSpace, createDirect: () => RowEncoder): RowEncoder {
  const { width, setQuery, slack } = space;
  const codebookSize = space.biases.length;
  const one = new Int32Array(1);
  let direct: RowEncoder | undefined;
  // Room for the last block of codes, which are never better.
  const keys = new Float64Array((codebookSize + CODES) * width);
  const biases = new Float64Array(codebookSize + CODES).fill(Number.NEGATIVE_INFINITY);
  keys.set(space.keys);
  biases.set(space.biases);
  let largest = 0;
  for (let k = 0; k < codebookSize; k++) {
    let squares = 0;
    for (let i = k * width; i < (k + 1) * width; i++) squares += (keys[i] as number) ** 2;
    largest = Math.max(largest, squares, Math.abs(biases[k] as number));
  }
  const queries = new Float64Array(TOKENS * width);
  const reaches = new Float64Array(TOKENS);
  const best = new Float64Array(TOKENS);
  const second = new Float64Array(TOKENS);
  const found = new Int32Array(TOKENS);

  const offer = (t: number, score: number, code: number): void => {
    if (score <= (second[t] as number)) return;
    if (score > (best[t] as number)) {
      second[t] = best[t] as number;
      best[t] = score;
      found[t] = code;
    } else {
      second[t] = score;
    }
  };

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

  /** Whether the best score is further above the others than both may be off, and so is that of the nearest code. */
  const isDecided = (t: number): boolean => {
    let squares = 0;
    for (let i = t * width; i < (t + 1) * width; i++) squares += (queries[i] as number) ** 2;
    const reach = reaches[t] as number;
    // Rounding of the scores themselves, many times over.
    const rounding = (width + 8) * 2 ** -50 * (squares + largest);
    const off = slack[0] + (slack[1] + slack[2] * reach) * reach + rounding;
    return (best[t] as number) - (second[t] as number) > 2 * off;
  };

  return (input, indices, tokens) => {
    for (let start = 0; start < tokens; start += TOKENS) {
      const here = Math.min(TOKENS, tokens - start);
      for (let t = 0; t < here; t++) reaches[t] = setQuery(input, start + t, queries, t * width);
      best.fill(Number.NEGATIVE_INFINITY);
      second.fill(Number.NEGATIVE_INFINITY);
      for (let code = 0; code < codebookSize; code += CODES) scoreBlock(code);
      for (let t = 0; t < here; t++) {
        const n = start + t;
        if (isDecided(t)) {
          indices[n] = found[t] as number;
        } else {
          direct ??= createDirect();
          direct(input.subarray(n * dim, (n + 1) * dim), one, 1);
          indices[n] = one[0] as number;
        }
      }
    }
  };
}

/** The first row without a NaN or an infinity, 0 where there is none. */
export function firstFinite(rows: Float32Array, width: number): number {
  for (let k = 0; k * width < rows.length; k++) {
    if (rows.subarray(k * width, (k + 1) * width).every(Number.isFinite)) return k;
  }
  return 0;
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
