/** Where the functions of assembly/ work: the engine, or a codec's own memory. */
export interface SearchHost {
  readonly threads: number;
  call(name: string, ...args: number[]): number;
  run(name: string, units: number, ...args: number[]): void;
  floats(address: number, count: number): Float32Array;
}

/** Scores that stand for distances in a space of their own, by addresses: the nearest code of highest ⟨query, key⟩ + bias, or nearly. */
export interface ScoredSpace {
  readonly width: number;
  /** [K, width] and [K]. */
  readonly keys: number;
  readonly bias: number;
  /** How far a score may be from (|x|² - |x - c|²)/2 + constant: slack[0] + slack[1] · reach + slack[2] · reach². */
  readonly slack: readonly [number, number, number];
}

/** K codes [K, dim] at an address, and their scores where these are not those of the codes themselves. */
export interface SearchedCodes {
  readonly codes: number;
  readonly count: number;
  readonly dim: number;
  readonly space?: ScoredSpace | undefined;
}

/** Tokens [N, dim], with their queries [N, width] and reaches [N] where the codes have a space. */
export interface SearchedTokens {
  readonly x: number;
  readonly tokens: number;
  readonly queries?: number;
  readonly reach?: number;
}

type Way = 'exact' | 'rough' | 'screened';

/** Codes that are ready to be searched. */
export interface CodeSearch {
  readonly way: Way;
  /** Bytes that {@link searchCodes} needs for so many tokens. */
  scratchBytes(tokens: number): number;
  /** Writes int32 [N] at `indices`. */
  search(tokens: SearchedTokens, scratch: number, indices: number): void;
}

/** The widest vectors that the proof in assembly/screen.ts holds for. */
const WIDEST = 4096;
/** Panel numbers of so many codes still leave room for a score beside them. */
const MOST_ROUGH = 2 ** 15;
const MEASURES_BYTES = 64;

const aligned = (bytes: number): number => 16 * Math.ceil(bytes / 16);

/**
 * Rounding to 16-bit integers pays where the codes are many and wide, and not for few tokens, because all codes are rounded first. Measured by
 * bench/nearest.mjs.
 */
function wayOf(tokens: number, count: number, width: number): Way {
  if (count <= 4 || width > WIDEST) return 'exact';
  if (tokens >= 64 && count * width >= 8192 && width >= 2) return 'screened';
  return count <= MOST_ROUGH ? 'rough' : 'exact';
}

/** Bytes that {@link prepareCodes} needs for the codes. */
export function preparedBytes({ count, dim, space }: SearchedCodes): number {
  const width = space?.width ?? dim;
  const panels = Math.ceil(count / 8);
  return MEASURES_BYTES + aligned(4 * dim) + panels * 32 * (width + 1 + Math.ceil(width / 2) + 1);
}

/**
 * Brings codes into the form in which they are searched, at `at`; they must stay where they are. The indices are those of the smallest
 * Σ (x - c)² in float64, the lowest of equal ones, whatever the codes; the form decides how fast.
 *
 * @param tokens about how many tokens are to be searched at a time.
 */
export function prepareCodes(host: SearchHost, book: SearchedCodes, tokens: number, at: number): CodeSearch {
  const { codes, count, dim, space } = book;
  const width = space?.width ?? dim;
  const panels = Math.ceil(count / 8);
  const [measures, origin] = [at, at + MEASURES_BYTES];
  const packed = origin + aligned(4 * dim);
  const rounded = packed + 32 * panels * (width + 1);
  const first = host.call('firstFinite', codes, count, dim);
  let way = wayOf(tokens, count, width);
  let factor = 1;

  if (way !== 'exact' && space !== undefined) {
    if (space.slack.every(Number.isFinite)) {
      host.run('packCodes', panels, space.keys, space.bias, packed, count, width);
      host.call('measureCodes', packed, measures, width, panels);
      new Float64Array(host.floats(measures, 16).buffer, measures + 24, 3).set(space.slack);
    } else way = 'exact';
  } else if (way !== 'exact') {
    host.call('meanRow', codes, origin, count, dim);
    const largest = host.call('largestFrom', codes, origin, count, dim);
    if (Number.isFinite(largest)) {
      // A power of two brings all keys to a magnitude of at most 2, so that no square overflows or underflows.
      factor = 2 ** -Math.max(-126, Math.min(126, Math.floor(Math.log2(largest || 1))));
      host.run('packCentered', panels, codes, origin, packed, factor, count, dim);
      host.call('measureCodes', packed, measures, dim, panels);
    } else way = 'exact';
  }
  if (way === 'screened') host.run('roundCodes', panels, packed, rounded, measures, width);

  const exactBytes = aligned(host.call('exactFrameBytes', dim)) * host.threads;
  const frameBytes = way === 'screened' ? aligned(host.call('screenedFrameBytes', width)) * host.threads : 0;
  return {
    way,
    scratchBytes: (n) => exactBytes + frameBytes + (way === 'exact' || space !== undefined ? 0 : 4 * n * dim),
    search({ x, tokens: n, queries, reach = 0 }, scratch, indices) {
      const groups = Math.ceil(n / 4);
      if (way === 'exact') {
        host.run('nearestCodeExact', groups, x, codes, scratch, indices, first, n, dim, count);
        return;
      }
      const frames = scratch + exactBytes;
      const rows = queries ?? frames + frameBytes;
      if (queries === undefined) host.run('centerRows', n, x, origin, rows, factor, dim);
      const exact = [x, codes, scratch, reach, indices, first, n, width, dim, count] as const;
      if (way === 'screened') host.run('nearestCodeSettled', groups, rows, rounded, measures, frames, ...exact);
      else host.run('nearestCodeRough', groups, rows, packed, measures, ...exact);
    },
  };
}
