/** The score of a code that is too far away, or not finite. */
const LOWEST = -(2 ** 127);
/** Lengths of queries and keys that are scored: no query that is so near has its nearest code so far away. */
const FAR_QUERY = 2 ** 30;
const FAR_KEY = 2 ** 40;
const LARGEST_BIAS = 2 ** 100;
/** Added to every length, so that bounds are above all that a processor takes for 0. */
const LEAST_LENGTH = 2 ** -40;
/** The widest vectors that the bound holds for. */
export const WIDEST: number = 2 ** 14;
/** Codes whose median is the origin, so that a few far ones do not move it. */
const SAMPLE = 31;
/** Up to so many codes are one panel. */
const ONE_PANEL = 64;

/**
 * Writes a vector of `width` features at a place, its length behind them and its bias behind that; gives by how much its scores may be off
 * for other reasons than their own rounding, NaN where they say nothing.
 */
export type WriteRow = (row: number, rows: Float32Array, at: number) => number;

/**
 * Codes in the form in which float32 scores them: one matrix product gives numbers that no score is above, however it is added up.
 *
 * With u = 2^-24, a query q, a key k of w features and its bias b, the score ⟨q, k⟩ + b of float32 is at most E = β (|q| |k| + |b|) off,
 * β = (w + 8) 2u: half of that holds for sums and products (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), the rest for
 * q, k and b, which are rounded themselves. E is a product too: |q| and β |k| are one more feature, and the bias is b + β |b|. So the
 * bound knows each code's own length, and no far code blurs the others. The number of the nearest code is at least that of any other, less 2 E of
 * the other and twice what scores may be off for other reasons.
 */
export interface CodeScores {
  /** [panels · panel, width + 2]. Behind the last code are rows of {@link LOWEST}. */
  readonly keys: Float32Array;
  readonly width: number;
  /** Codes whose highest number is looked at first. */
  readonly panel: number;
  readonly panels: number;
  /** For each panel, the longest |k| and the largest |b|. */
  readonly longest: Float64Array;
  readonly largest: Float64Array;
  readonly beta: number;
  /** Whether biases are -|k|²/2, and some |k| is at most 1. */
  readonly isCentred: boolean;
  /** Whether all codes are scored. */
  readonly isWhole: boolean;
}

/** Scores of `count` codes whose keys have `width` features. */
function scoreCodes(count: number, width: number, isCentred: boolean, writeKey: WriteRow): CodeScores {
  const panel = count <= ONE_PANEL ? count : 2 ** Math.round(Math.log2(2 * count) / 2);
  const panels = Math.ceil(count / panel);
  const beta = (width + 8) * 2 ** -23;
  const keys = new Float32Array(panels * panel * (width + 2));
  const longest = new Float64Array(panels);
  const largest = new Float64Array(panels);
  let isWhole = true;
  for (let k = 0, at = 0; k < panels * panel; k++, at += width + 2) {
    const isScored = k < count && !Number.isNaN(writeKey(k, keys, at));
    const [length, bias] = [keys[at + width] as number, keys[at + width + 1] as number];
    if (!isScored || !(length < FAR_KEY && Math.abs(bias) < LARGEST_BIAS)) {
      keys.fill(0, at, at + width + 1);
      keys[at + width + 1] = LOWEST;
      isWhole = isWhole && k >= count;
      continue;
    }
    const p = Math.floor(k / panel);
    longest[p] = Math.max(longest[p] as number, length + LEAST_LENGTH);
    largest[p] = Math.max(largest[p] as number, Math.abs(bias));
    keys[at + width] = beta * (length + LEAST_LENGTH);
    keys[at + width + 1] = bias + beta * Math.abs(bias);
  }
  return { keys, width, panel, panels, beta, longest, largest, isCentred, isWhole };
}

/**
 * At most 2 E of the code whose number is highest, which is in panel p.
 *
 * Among centred codes that has |k| <= 2.1 |q| + 2, however long others are: its number is at least that of a code of length 1, -|q| - 1/2, and
 * at most |q| |k| - |k|²/2 + 2 E.
 */
export function marginOf({ longest, largest, beta, isCentred }: CodeScores, p: number, length: number): number {
  const most = isCentred ? 2.1 * length + 2 : Number.POSITIVE_INFINITY;
  const ownLength = Math.min(longest[p] as number, most);
  return 2 * beta * (length * ownLength + Math.min(largest[p] as number, most * most));
}

/** Tokens to be scored. */
export interface Queries {
  /** [n, width + 2] */
  readonly rows: Float32Array;
  /** [n]: twice what scores may be off for other reasons; NaN where they say nothing. */
  readonly slack: Float64Array;
}

/** `count` tokens from `first` on. */
export function queriesOf(width: number, first: number, count: number, writeQuery: WriteRow): Queries {
  const rows = new Float32Array(count * (width + 2));
  const slack = new Float64Array(count);
  for (let n = 0, at = 0; n < count; n++, at += width + 2) {
    const off = writeQuery(first + n, rows, at);
    const length = rows[at + width] as number;
    const isScored = off < LARGEST_BIAS && length < FAR_QUERY;
    if (!isScored) rows.fill(0, at, at + width);
    rows[at + width] = isScored ? length + LEAST_LENGTH : 0;
    rows[at + width + 1] = 1;
    slack[n] = isScored ? 2 * off : Number.NaN;
  }
  return { rows, slack };
}

/** Codes in a space of scores, and what brings tokens there. */
export interface ScoreSpace {
  readonly scores: CodeScores;
  readonly writeQuery: WriteRow;
}

/**
 * Vectors less the median code, in units of what codes are away from it: |x - c|² is least where ⟨q, k⟩ - |k|²/2 is highest. There is a code
 * of length 1 or less.
 *
 * @returns gives the space for tokens [N, dim].
 */
export function centredSpace(codes: Float32Array, dim: number): (x: Float32Array) => ScoreSpace {
  const { origin, unit } = frameOf(codes, dim);
  const writer =
    (from: Float32Array): WriteRow =>
    (row, rows, to) => {
      let squares = 0;
      for (let i = 0, at = row * dim; i < dim; i++, at++) {
        const value = ((from[at] as number) - (origin[i] as number)) * unit;
        rows[to + i] = value;
        squares += value * value;
      }
      rows[to + dim] = Math.sqrt(squares);
      rows[to + dim + 1] = -squares / 2;
      // Float64's own sums are (dim + 2) 2^-53 of a squared distance off, which is at most 2 |q|² + 2 |k|²; that of k is within β |b|.
      return (dim + 4) * 2 ** -51 * squares;
    };
  const scores = scoreCodes(codes.length / dim, dim, true, writer(codes));
  return (x) => ({ scores, writeQuery: writer(x) });
}

/** Scores in a space that is given, or undefined where not all of its keys can be scored. */
export function givenScores(keys: Float32Array, bias: Float32Array): CodeScores | undefined {
  const width = keys.length / bias.length;
  const scores = scoreCodes(bias.length, width, false, (k, rows, at) => {
    copyRow(keys, k, width, rows, at);
    rows[at + width + 1] = bias[k] as number;
    return 0;
  });
  return scores.isWhole ? scores : undefined;
}

/** Queries of that space, by their `slack` and the squares |x - o|² that it is for. */
export function givenQueries(queries: Float32Array, squares: Float32Array, slack: Float32Array): WriteRow {
  const width = queries.length / squares.length;
  const [least, perReach, perSquare] = slack as unknown as [number, number, number];
  return (n, rows, at) => {
    copyRow(queries, n, width, rows, at);
    // Never too short: squares of what is below 2^-63 are lost.
    const reach = 1.01 * Math.sqrt(squares[n] as number) + 2 ** -60;
    return least + (perReach + perSquare * reach) * reach;
  };
}

/** A vector, and its length behind it. */
function copyRow(from: Float32Array, row: number, width: number, rows: Float32Array, to: number): void {
  let squares = 0;
  for (let i = 0, at = row * width; i < width; i++, at++) {
    const value = from[at] as number;
    rows[to + i] = value;
    squares += value * value;
  }
  rows[to + width] = Math.sqrt(squares);
}

function frameOf(codes: Float32Array, dim: number): { origin: Float64Array; unit: number } {
  const count = codes.length / dim;
  const rows: Float32Array[] = [];
  for (let i = 0, most = Math.min(SAMPLE, count); i < most; i++) {
    const k = Math.floor((i * count) / most);
    const row = codes.subarray(k * dim, (k + 1) * dim);
    if (row.every(Number.isFinite)) rows.push(row);
  }
  const origin = Float64Array.from({ length: dim }, (_, i) => middle(rows.map((row) => row[i] as number)));
  const lengths = rows.map((row) => Math.hypot(...Array.from(row, (value, i) => value - (origin[i] as number))));
  const apart = lengths.filter((length) => length > 0);
  return { origin, unit: rows.length > 0 && apart.length === 0 ? 1 : 1 / middle(apart) };
}

/** The median, of an even number the upper one; NaN of nothing. */
function middle(values: readonly number[]): number {
  return Float64Array.from(values).sort()[values.length >> 1] ?? Number.NaN;
}
