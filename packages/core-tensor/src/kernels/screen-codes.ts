import {
  abs,
  add,
  cast,
  div,
  equal,
  fill,
  gather,
  greater,
  less,
  logicalAnd,
  max,
  maximum,
  min,
  minimum,
  mul,
  where as select,
  slice,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  topk,
  transpose,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { nearestTwoCodes } from './nearest-code.ts';
import type { NearestCodeExactInputs } from './nearest-code-exact.ts';
import { selectRows } from './select-rows.ts';

/** A threshold above every score: the row is decided. */
export const DECIDED: number = 2 ** 127;
/** One below every score: every code can be the nearest. */
const ANY = -1.5 * 2 ** 127;
/** The score of a code that is too far away, or not finite. */
const LOWEST = -(2 ** 127);
/** Codes whose median is the centre, so that a few far ones do not move it. */
const SAMPLE = 31;
/** In units of the spread of those: tokens and codes that are scored. */
const FAR_TOKEN = 2 ** 30;
const FAR_CODE = 2 ** 40;

/** What scores in float32 find out about a search in float64. */
export interface ScreenedCodes {
  /** int32 [N]: the index, where it is decided. */
  readonly indices: Tensor1D;
  /** float32 [N]: {@link DECIDED}, or how high the score `⟨query, key⟩ + bias` of the nearest code is at least, however float32 adds it up. */
  readonly threshold: Tensor1D;
  /** [N, w] and [K, w]. */
  readonly queries: Tensor2D;
  readonly keys: Tensor2D;
  /** [K]; -2^127 for a code that is nowhere near the rows that are not below all scores. */
  readonly bias: Tensor1D;
}

/**
 * For engines that have no float64 but for few: searches in float32, and says which rows that does not decide. The others are left for
 * the engine to decide by `Σ_i (x_i - c_ki)²` in float64.
 *
 * With u = 2^-24, q and k a query and a key and b its bias, a score of float32 is at most E = β (|q|² + |k|² + |b|) off, β = (w + 8) 2u: half of
 * that holds for sums and products (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), the rest for rounded differences
 * and for float64's own sums. Scores are searched with β (|k|² + |b|) added to them, so that the bound knows each code's own magnitude and no
 * far code blurs the others: the nearest code m and the winner v have score_m >= score_v - 2 β (|q|² + |k_v|² + |b_v|). What is below 2^-126
 * may count as 0, which the last term of the margin takes. Codes 2^40 spreads away are not scored: no row that is nearer than 2^30 to the centre
 * has one as its nearest.
 *
 * @param inputs of `nearestCodeExact`.
 * @example
 * const { indices, threshold } = screenCodes({ x, codes });
 */
export function screenCodes(inputs: NearestCodeExactInputs): ScreenedCodes {
  const scored = inputs.slack === undefined ? centred(inputs) : given(inputs as Required<NearestCodeExactInputs>);
  const { queries, keys, usable, usableKeys, off } = scored;
  const [[n, width], [k]] = [queries.shape, keys.shape];
  const lengths = add(sum(square(keys), 1), abs(scored.bias));
  const relative = (width + 8) * 2 ** -23;
  const bias = select(usableKeys, add(scored.bias, mul(lengths, relative)), fill([k], LOWEST)) as Tensor1D;
  const { indices, best, second } = nearestTwoCodes({ x: queries, keys, bias });
  const sizes = add(sum(square(queries), 1), gather(lengths, indices));
  const flushed = mul(add(sqrt(sizes), 1), 2 ** -60 * (width + 8));
  const margin = add(add(mul(sizes, 2.1 * relative), flushed), mul(off, 2.1));
  const decided = logicalAnd(usable, greater(sub(best, second), margin));
  const least = maximum(sub(best, margin), ANY);
  const open = select(usable, least, fill([n], ANY));
  return { indices, threshold: select(decided, fill([n], DECIDED), open) as Tensor1D, queries, keys, bias };
}

interface Scored {
  readonly queries: Tensor2D;
  readonly keys: Tensor2D;
  readonly bias: Tensor1D;
  /** bool [N]: whether scores say anything about a row, and [K]. */
  readonly usable: Tensor1D;
  readonly usableKeys: Tensor1D;
  /** [N] or a number: how far exact scores may be off. */
  readonly off: Tensor | number;
}

/** Rows and codes less the median code, in units of its distance from others. */
function centred({ x, codes }: NearestCodeExactInputs): Scored {
  const [k] = codes.shape;
  // A quarter, so that no difference overflows.
  const quarters = mul(codes, 1 / 4) as Tensor2D;
  const finite = allOf(less(abs(quarters), 2 ** 126));
  const quarter = selectRows(finite, quarters, zerosLike(quarters));
  const count = Math.min(SAMPLE, k);
  const rows = Int32Array.from({ length: count }, (_, i) => Math.floor((i * k) / count));
  const sample = gather(quarter, Array.from(rows)) as Tensor2D;
  const center = middle(transpose(sample)) as Tensor1D;
  const spread = middle(max(abs(sub(sample, center)), 1));
  const unit = div(1, maximum(minimum(select(greater(spread, 0), spread, fill([], 1)), 2 ** 60), 2 ** -60));
  const at = (quarters: Tensor): Tensor2D => mul(sub(quarters, center), unit) as Tensor2D;
  const [keys, queries] = [at(quarter), at(mul(x, 1 / 4))];
  const usable = allOf(less(abs(queries), FAR_TOKEN));
  const near = allOf(less(abs(keys), FAR_CODE));
  const usableKeys = logicalAnd(finite, near) as Tensor1D;
  const clean = selectRows(usableKeys, keys, zerosLike(keys));
  const squares = sum(square(clean), 1);
  // Where not even one code is within 2^30, far ones may be the nearest.
  const nearest = min(select(usableKeys, squares, fill([k], DECIDED)));
  return {
    queries: selectRows(usable, queries, zerosLike(queries)),
    keys: clean,
    bias: mul(squares, -0.5) as Tensor1D,
    usable: logicalAnd(usable, less(nearest, FAR_TOKEN ** 2)) as Tensor1D,
    usableKeys,
    off: 0,
  };
}

function given({ queries, keys, bias, moved, slack }: Required<NearestCodeExactInputs>): Scored {
  // Never too short: squares of what is below 2^-63 are lost.
  const reach = add(mul(sqrt(sum(square(moved), 1)), 1.01), 2 ** -60);
  const part = (i: number): Tensor => slice(slack, [i], [1]);
  const off = add(part(0), mul(add(part(1), mul(part(2), reach)), reach));
  const usable = logicalAnd(less(off, DECIDED / 4), allOf(less(abs(queries), 2 ** 40))) as Tensor1D;
  const usableKeys = logicalAnd(allOf(less(abs(keys), 2 ** 40)), less(abs(bias), 2 ** 100)) as Tensor1D;
  // A key that cannot be scored may belong to any code.
  const all = greater(min(cast(usableKeys, 'float32')), 0);
  return {
    queries: selectRows(usable, queries, zerosLike(queries)),
    keys: selectRows(usableKeys, keys, zerosLike(keys)),
    bias: select(usableKeys, bias, zerosLike(bias)) as Tensor1D,
    usable: logicalAnd(usable, all) as Tensor1D,
    usableKeys,
    off: select(usable, off, zerosLike(off)),
  };
}

/** bool [n, w] → [n]: where all are true. */
function allOf(elements: Tensor): Tensor1D {
  return equal(sum(cast(elements, 'float32'), 1), elements.shape[1] as number) as Tensor1D;
}

/** The median along the last axis, of an even number the upper one. */
function middle(values: Tensor): Tensor {
  const size = values.shape.at(-1) as number;
  return min(topk(values, Math.ceil(size / 2)).values, -1);
}
