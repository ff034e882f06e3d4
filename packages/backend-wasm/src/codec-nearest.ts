import type { NearestSearch, RowEncoder } from '@vqkit/core-tensor/codec';

/** Tokens that are searched at a time. */
const TOKENS = 1024;

/**
 * The indices of `search.encode`, which sums in float64, at the speed of float32: a token whose two highest float32 scores are further
 * apart than rounding can have moved them has its index; the few others are searched again.
 */
export function createNearestEncoder(module: WebAssembly.Module, search: NearestSearch): RowEncoder {
  const { dim, width, keys, biases, queries, setQuery, encode } = search;
  const codes = biases.length;
  const panels = Math.ceil(codes / 8);
  const sizes = [4 * TOKENS * width, 4 * TOKENS, 4 * TOKENS, 4 * TOKENS, 32 * panels * (width + 1)];
  const [x, found, best, second, packed, end] = starts(sizes) as [number, number, number, number, number, number];
  // Keys and biases lie behind the rest while they are packed.
  const bytes = end + 4 * codes * (width + 1);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65_536) });
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const functions = instance.exports as Record<string, (...args: number[]) => void>;
  new Float32Array(memory.buffer, end, codes * width).set(keys);
  new Float32Array(memory.buffer, end + 4 * codes * width, codes).set(biases);
  functions.packCodes?.(end, end + 4 * codes * width, packed, codes, width, 0, panels, 0);

  const rows = new Float32Array(memory.buffer, x, TOKENS * width);
  const [bests, seconds] = [best, second].map((at) => new Float32Array(memory.buffer, at, TOKENS));
  const indicesOf = new Int32Array(memory.buffer, found, TOKENS);
  const one = new Int32Array(1);
  const { keyLength, biasSize } = largest(search);
  const margins = new Float64Array(TOKENS);

  return (input, indices, tokens) => {
    for (let first = 0; first < tokens; first += TOKENS) {
      const here = Math.min(TOKENS, tokens - first);
      for (let t = 0; t < here; t++) {
        setQuery(input, first + t, 0);
        let square = 0;
        for (let i = 0; i < width; i++) {
          const value = queries[i] as number;
          rows[t * width + i] = value;
          square += value * value;
        }
        margins[t] = rounding(width, Math.sqrt(square), keyLength, biasSize);
      }
      functions.nearestTwoCodes?.(x, packed, found, best, second, here, width, panels, 0, Math.ceil(here / 2), 0);
      for (let t = 0; t < here; t++) {
        const n = first + t;
        indices[n] = indicesOf[t] as number;
        const margin = ((bests as Float32Array)[t] as number) - ((seconds as Float32Array)[t] as number);
        if (margin > (margins[t] as number)) continue;
        encode(input.subarray(n * dim, (n + 1) * dim), one, 1);
        indices[n] = one[0] as number;
      }
    }
  };
}

/**
 * How far rounding can move the difference of two float32 scores of `width` products, with a margin of two: each term, the query, the key
 * and the bias are rounded to float32, and every sum; numbers below 2^-126 to multiples of 2^-149.
 */
function rounding(width: number, queryLength: number, keyLength: number, biasSize: number): number {
  const relative = 2 ** -22 * (width + 8) * (queryLength * keyLength + biasSize);
  return relative + 2 ** -147 * width * (queryLength + keyLength + 1);
}

/** The longest key and the largest bias of the codes that can be chosen. */
function largest({ width, keys, biases }: NearestSearch): { keyLength: number; biasSize: number } {
  let [square, biasSize] = [0, 0];
  for (const [k, bias] of biases.entries()) {
    if (bias <= -(2 ** 127)) continue;
    let sum = 0;
    for (let i = k * width; i < (k + 1) * width; i++) sum += (keys[i] as number) ** 2;
    square = Math.max(square, sum);
    biasSize = Math.max(biasSize, Math.abs(bias));
  }
  return { keyLength: Math.sqrt(square), biasSize };
}

/** The first address of each stretch of memory, and the first behind all; multiples of 16. */
function starts(sizes: readonly number[]): number[] {
  const all = [0];
  for (const size of sizes) all.push((all.at(-1) as number) + Math.ceil(size / 16) * 16);
  return all;
}
