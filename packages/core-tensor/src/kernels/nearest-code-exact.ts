import {
  abs,
  add,
  cast,
  concat,
  equal,
  expandDims,
  fill,
  greater,
  less,
  logicalAnd,
  logicalOr,
  max,
  min,
  mul,
  type NamedTensorMap,
  range,
  where as select,
  slice,
  step,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
  tile,
  transpose,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { UnsupportedError } from '../errors.ts';
import { defineKernel, type Kernel, provideKernel } from '../kernel.ts';
import { matMul } from './mat-mul.ts';
import { nearestCodeExactPlain } from './nearest-plain.ts';
import { mean, sum } from './reduce.ts';

/**
 * Scores that stand for distances, in a space that may be narrower: for o of one's own and r = |x - o|, `⟨query, key_k⟩ + bias_k` differs from
 * `(r² - |x - c_k|²)/2` by at most `slack[0] + slack[1] r + slack[2] r²`, besides its own rounding.
 */
export type ScoreInputs = {
  /** [N, w] float32, and [K, w]. */
  readonly queries: Tensor2D;
  readonly keys: Tensor2D;
  /** [K] */
  readonly bias: Tensor1D;
  /** x - o, [N, f]. */
  readonly moved: Tensor2D;
  /** [3]; with a NaN or an infinity in it scores decide nothing. */
  readonly slack: Tensor1D;
};

/** What a search compares. */
export type NearestCodeExactInputs = {
  /** [N, f] float32. */
  readonly x: Tensor2D;
  /** [K, f] float32, 1 <= K <= 2^24. */
  readonly codes: Tensor2D;
} & Partial<ScoreInputs>;

const TILE_SCORES = 2 ** 19;
const TILE_CODES = 2 ** 12;
/** As in `nearestCode`. */
const LIMIT = 2 ** 56;
/** Below every score of a usable code. */
const LOWEST = -(2 ** 127);
/** Squares of centred elements, below 2^114, are summed in float32. */
const MAX_FEATURES = 2 ** 13;
/** Bits of a product that are kept, counted from those of the longest elements: as many as three float32 hold. */
const BITS = 72;

/** A number as the unevaluated sum of two or three float32, the largest first. */
type Pair = readonly [hi: Tensor, lo: Tensor];
type Triple = readonly [hi: Tensor, mid: Tensor, lo: Tensor];

/** The reference needs nothing of an engine but sums, differences and products that are rounded once, as IEEE 754 asks. */
export const NearestCodeExact: Kernel<
  NearestCodeExactInputs & NamedTensorMap,
  Record<string, never>,
  readonly [Tensor1D]
> = defineKernel({
  name: 'NearestCodeExact',
  reference: ({ x, codes }) => {
    const [[n, features], [k]] = [x.shape, codes.shape];
    if (features > MAX_FEATURES) {
      throw new UnsupportedError(
        'nearestCodeExact',
        'x',
        `have at most ${MAX_FEATURES} features on this engine`,
        features,
        'Start an engine of vqkit.',
      );
    }
    const usable = less(abs(x), LIMIT);
    const usableRow = min(cast(usable, 'int32'), 1) as Tensor1D;
    const usableElements = less(abs(codes), LIMIT);
    const usableCode = cast(min(cast(usableElements, 'int32'), 1), 'bool') as Tensor1D;
    const finite = select(usableElements, codes, zerosLike(codes));
    // Of 12 bits, so that whole numbers stay whole: any centre would do, and this one is near the middle.
    const [center] = headOf(mean(finite, 0, true), max(abs(finite)), 12);
    // Codes that are not usable are put on the centre: their products are 0, and nothing but their index tells them apart.
    const clean = select(expandDims(usableCode, 1), finite, tile(center, [k, 1])) as Tensor2D;
    const split = splitting(features);
    const tiles: CodeTile[] = [];
    for (let start = 0; start < k; start += TILE_CODES) {
      const size = Math.min(TILE_CODES, k - start);
      tiles.push(codeTile(slice(clean, [start, 0], [size, -1]), slice(usableCode, start, size), center, split, start));
    }
    const queries = select(usable, x, zerosLike(x)) as Tensor2D;
    const rows = Math.max(1, Math.floor(TILE_SCORES / Math.min(k, TILE_CODES)));
    const found: Tensor[] = [];
    for (let start = 0; start < n; start += rows) {
      found.push(
        tidy(() => {
          const part = slice(queries, [start, 0], [Math.min(rows, n - start), -1]);
          return searchTiles(slices(difference(part, center), split), tiles);
        }),
      );
    }
    const index = found.length === 0 ? fill([0], 0) : concat(found);
    return [mul(cast(index, 'int32'), usableRow)];
  },
});
provideKernel('cpu', 'NearestCodeExact', nearestCodeExactPlain);

/**
 * The nearest of K codes for each of N vectors: `argmin_k Σ_i (x_ni - c_ki)²` added up in float64 from feature to feature, whatever the magnitudes.
 * Every engine gives the same index.
 *
 * Engines look for the codes that can be the nearest in narrower numbers, with proven bounds, and compare only these in float64. The reference
 * is for engines without a version of their own: it splits centred vectors into slices of so few bits that float32 products and sums of them
 * are exact, whatever their order (Ozaki, Ogita, Oishi, Rump 2012), and adds these up as triples of float32. It is slow, takes at most 8,192
 * features and magnitudes below 2^56, and two codes whose squared distances differ by 2^-64 |x - c̄| |c - c̄| or less, c̄ the mean code, may be
 * confused.
 *
 * - Result: int32 [N]. Ties: the lowest index.
 * - A code with a NaN or an infinity is never chosen while there is another. A row of x with one gets the first code that has none, index 0
 *   as a rule.
 * - Gradient: none; call it inside {@link withoutGradient} where x comes from a layer that trains.
 *
 * @example
 * const indices = nearestCodeExact({ x: tf.tensor2d([[0.9]]), codes: tf.tensor2d([[0], [1]]) }); // [1]
 */
export function nearestCodeExact(inputs: NearestCodeExactInputs): Tensor1D {
  return NearestCodeExact(inputs as NearestCodeExactInputs & NamedTensorMap, {})[0];
}

/** How many bits a slice has, and how many slices there are. */
interface Splitting {
  readonly bits: number;
  readonly count: number;
}

/**
 * The first slice of a row is at most 2^bits units, each other one half of it. So the products of slices a and b with a + b = s sum up to
 * at most (1 + (s - 1)/4) · features · 4^bits units for s >= 1, and float32 counts to 2^24.
 */
function splitting(features: number): Splitting {
  const sumOf = (bits: number): number => ((Math.ceil(BITS / bits) + 2) / 4) * features * 4 ** bits;
  let bits = 11;
  while (sumOf(bits) > 2 ** 24) bits--;
  return { bits, count: Math.ceil(BITS / bits) };
}

/** x - c as a pair, exactly (Knuth). */
function difference(x: Tensor, c: Tensor): Pair {
  return twoSum(x, mul(c, -1));
}

function twoSum(a: Tensor, b: Tensor): Pair {
  const s = add(a, b);
  const b2 = sub(s, a);
  return [s, add(sub(a, sub(s, b2)), sub(b, b2))];
}

/** Adds a float32; the result is not normalised. */
function plus([hi, mid, lo]: Triple, value: Tensor): Triple {
  const [s, error] = twoSum(hi, value);
  const [m, rest] = twoSum(mid, error);
  return [s, m, add(lo, rest)];
}

/** Each part becomes the whole rounded, less the parts before it; so triples compare part by part. */
function normalised([hi, mid, lo]: Triple): Triple {
  const [m0, l0] = twoSum(mid, lo);
  const [h1, m1] = twoSum(hi, m0);
  const [m2, l2] = twoSum(m1, l0);
  const [h3, m3] = twoSum(h1, m2);
  return [h3, m3, l2];
}

/** Parts numbers in the multiple of a unit that is nearest, and the rest; the unit is 2^-(bits - 1) of the leading bit of `longest`. */
function headOf(x: Tensor, longest: Tensor, bits: number): Pair {
  // Rump's unit in the first place: the largest power of two up to a number, by two products and a difference.
  const q = mul(longest, 2 ** 23 + 1);
  const power = abs(sub(q, mul(q, 1 - 2 ** -24)));
  // Adding 1.5 · 2^23 units leaves no place for anything below a unit.
  const shift = mul(power, 1.5 * 2 ** (24 - bits));
  const head = sub(add(x, shift), shift);
  return [head, sub(x, head)];
}

/** The rows of a pair in slices beside each other, largest first: slice a is a multiple of 2^(-bits · a) times a power of two. */
function slices([hi, lo]: Pair, { bits, count }: Splitting): Tensor2D[] {
  const longest = max(abs(hi), 1, true);
  let rest: Pair = [hi, lo];
  return Array.from({ length: count }, (_, a) => {
    const [head, tail] = headOf(rest[0], longest, bits * (a + 1));
    rest = twoSum(tail, rest[1]);
    return head as Tensor2D;
  });
}

/** A run of codes, in slices. */
interface CodeTile {
  /** The slices below each other, the smallest first, [count · f, codes]. */
  readonly columns: Tensor2D;
  /** -|c - c̄|²/2 of each code, [codes]; LOWEST for those that are not usable. */
  readonly bias: Triple;
  /** Index of the first code. */
  readonly start: number;
  readonly size: number;
}

function codeTile(codes: Tensor2D, usable: Tensor1D, center: Tensor, split: Splitting, start: number): CodeTile {
  const [size] = codes.shape;
  const parts = slices(difference(codes, center), split);
  const none = fill([size], 0);
  let square: Triple = [none, none, none];
  for (let s = 0; s < parts.length; s++) {
    const own = parts.slice(0, s + 1);
    square = plus(square, sum(mul(concat(own, 1), concat([...own].reverse(), 1)), 1));
  }
  const [hi, mid, lo] = normalised(square).map((part) => mul(part, -0.5)) as unknown as Triple;
  const bias = [select(usable, hi, fill([size], LOWEST)), mid, lo] as const;
  return { columns: transpose(concat([...parts].reverse(), 1)) as Tensor2D, bias, start, size };
}

/** Index (float32, exact up to 2^24) of the nearest code of each row. */
function searchTiles(x: readonly Tensor2D[], tiles: readonly CodeTile[]): Tensor {
  const levels = x.map((_, s) => concat(x.slice(0, s + 1), 1));
  const search = (of: CodeTile): Tensor[] => tidy(() => searchTile(levels, of));
  let [index, ...score] = search(tiles[0] as CodeTile) as [Tensor, ...Tensor[]];
  for (const next of tiles.slice(1)) {
    const [tileIndex, ...tileScore] = search(next) as [Tensor, ...Tensor[]];
    const better = isAbove(tileScore, score);
    index = select(better, tileIndex, index);
    score = score.map((part, i) => select(better, tileScore[i] as Tensor, part));
  }
  return index;
}

/** Strictly, because among equal scores the earlier tile has the lower index. */
function isAbove(a: readonly Tensor[], b: readonly Tensor[]): Tensor {
  const [[first, ...a2], [second, ...b2]] = [a, b] as unknown as [[Tensor, ...Tensor[]], [Tensor, ...Tensor[]]];
  const above = greater(first, second);
  return a2.length === 0 ? above : logicalOr(above, logicalAnd(equal(first, second), isAbove(a2, b2)));
}

/** Index and score ⟨x - c̄, c - c̄⟩ - |c - c̄|²/2 of the best code of a tile. */
function searchTile(x: readonly Tensor2D[], { columns, bias, start, size }: CodeTile): Tensor[] {
  const [rows] = columns.shape;
  let score: Triple = bias;
  for (const level of x) {
    const width = level.shape[1] as number;
    score = plus(score, matMul(level, slice(columns, [rows - width, 0], [width, size])));
  }
  // Of the codes with the highest first part, those with the highest second part, and of these, those with the highest third.
  const best: Tensor[] = [];
  let ahead: Tensor = fill([1, size], 1);
  for (const part of normalised(score)) {
    const candidates = add(part, mul(sub(1, ahead), LOWEST));
    const highest = max(candidates, 1, true);
    best.push(max(candidates, 1));
    ahead = mul(ahead, sub(1, step(sub(highest, candidates))));
  }
  const place = min(add(mul(sub(1, ahead), size), range(0, size)), 1);
  return [add(place, start), ...best];
}
