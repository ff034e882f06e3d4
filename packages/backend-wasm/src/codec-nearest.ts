import type { NearestSearch, RowEncoder } from '@vqkit/core-tensor/codec';

/** Tokens that are searched at a time. */
const TOKENS = 1024;
/** Candidates of a token that are listed, and their number before them. */
const MOST = 15;
const LIST = 1 + MOST;
/** The kernel's limit. */
const WIDEST = 4096;
/** The bias of a code that is never chosen. */
const LOWEST = -(2 ** 127);

/**
 * The indices of `search.encode`, which sums in float64, at the speed of 16-bit integers: for most tokens these leave one code that can be
 * the nearest. Where they leave several, those are scored as `search.encode` does it; where they leave many, it searches itself.
 */
export function createNearestEncoder(module: WebAssembly.Module, search: NearestSearch): RowEncoder {
  const { dim, width, keys, biases, setQuery, encode } = search;
  const query = new Float64Array(width);
  if (width > WIDEST || !fitsFloat32(search)) return encode;
  const codes = biases.length;
  const panels = Math.ceil(codes / 8);
  const memory = new WebAssembly.Memory({ initial: 1 });
  const functions = new WebAssembly.Instance(module, { env: { memory } }).exports as Record<
    string,
    (...args: number[]) => number
  >;
  const frames = functions.screenedFrameBytes?.(width) ?? 0;
  const rounded = 32 * panels * (Math.ceil(width / 2) + 1);
  const sizes = [4 * TOKENS * width, 4 * TOKENS * LIST, frames, 32, rounded];
  const [x, found, frame, measures, codesAt, end] = starts(sizes) as [number, number, number, number, number, number];
  // What they are rounded from lies behind the rest.
  const [keysAt, biasesAt, packed, all] = starts([4 * codes * width, 4 * codes, 32 * panels * (width + 1)], end) as [
    number,
    number,
    number,
    number,
  ];
  memory.grow(Math.ceil(all / 65_536));
  new Float32Array(memory.buffer, keysAt, codes * width).set(keys);
  new Float32Array(memory.buffer, biasesAt, codes).set(biases);
  functions.packCodes?.(keysAt, biasesAt, packed, codes, width, 0, panels, 0);
  functions.measureCodes?.(packed, measures, width, panels);
  functions.roundCodes?.(packed, codesAt, measures, width, 0, panels, 0);

  const rows = new Float32Array(memory.buffer, x, TOKENS * width);
  const lists = new Int32Array(memory.buffer, found, TOKENS * LIST);
  const one = new Int32Array(1);

  /** The best of a token's listed candidates, as `search.encode` finds it. */
  const decide = (input: Float32Array, token: number, list: number): number => {
    setQuery(input, token, query, 0);
    let best = LOWEST;
    let index = 0;
    for (let c = list + 1; c <= list + (lists[list] as number); c++) {
      const code = lists[c] as number;
      let score = biases[code] as number;
      for (let i = 0, k = code * width; i < width; i++, k++) score += (query[i] as number) * (keys[k] as number);
      if (score > best) {
        best = score;
        index = code;
      }
    }
    return index;
  };

  return (input, indices, tokens) => {
    for (let first = 0; first < tokens; first += TOKENS) {
      const here = Math.min(TOKENS, tokens - first);
      for (let t = 0, at = 0; t < here; t++) {
        setQuery(input, first + t, query, 0);
        for (let i = 0; i < width; i++, at++) rows[at] = query[i] as number;
      }
      const groups = Math.ceil(here / 4);
      functions.candidateCodes?.(x, codesAt, measures, frame, found, MOST, here, width, panels, 0, groups, 0);
      for (let t = 0; t < here; t++) {
        const n = first + t;
        const count = lists[t * LIST] as number;
        if (count === 1) {
          indices[n] = lists[t * LIST + 1] as number;
        } else if (count > 1 && count <= MOST) {
          indices[n] = decide(input, n, t * LIST);
        } else {
          encode(input.subarray(n * dim, (n + 1) * dim), one, 1);
          indices[n] = one[0] as number;
        }
      }
    }
  };
}

/** Whether every code that can be chosen still can when it is rounded to float32. */
function fitsFloat32({ width, keys, biases }: NearestSearch): boolean {
  return biases.every(
    (bias, k) =>
      bias <= LOWEST ||
      (Math.abs(bias) < 2 ** 126 && keys.subarray(k * width, (k + 1) * width).every((v) => Math.abs(v) < 2 ** 55)),
  );
}

/** The first address of each stretch of memory from `start`, and the first behind all; multiples of 16. */
function starts(sizes: readonly number[], start = 0): number[] {
  const all = [start];
  for (const size of sizes) all.push((all.at(-1) as number) + Math.ceil(size / 16) * 16);
  return all;
}
