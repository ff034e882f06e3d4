import {
  abs,
  add,
  cast,
  equal,
  fill,
  greater,
  less,
  logicalAnd,
  max,
  mean,
  mul,
  where as select,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { nearestTwoCodes } from './nearest-code.ts';
import type { NearestCodeExactInputs } from './nearest-code-exact.ts';

/** As in `nearestCode`. */
const LIMIT = 2 ** 56;
/** The score of a code that cannot be searched. */
const LOWEST = -(2 ** 127);
/** Keeps differences of two usable numbers usable; a power of two, so that nothing is rounded. */
const SCALE = 1 / 4;
/** Above every score. */
const DECIDED = 2 ** 127;

/** What a search in float32 finds out about an exact one. */
export interface ScreenedCodes {
  /** int32 [N]: the index, where it is decided. */
  readonly indices: Tensor1D;
  /**
   * float32 [N]: 2^127 where float32 decides. Elsewhere the nearest code is among those whose score
   * `⟨x/4 - center, c/4 - center⟩ + bias`, however float32 adds it up, is at least this.
   */
  readonly threshold: Tensor1D;
  /** [1, f] */
  readonly center: Tensor2D;
  /** [K]; -2^127 for a code that is never chosen. */
  readonly bias: Tensor1D;
}

/**
 * For engines that have no float64 but for few: searches in float32, and says which rows that does not decide. The others are left for
 * the engine to decide by `Σ_i (x_i - c_ki)²` in float64.
 *
 * With u = 2^-24, a score of float32 is less than (f + 8) u (|x| |c| + |c|²/2) off, where x and c are rounded differences from the centre
 * (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), and float64's sums of squares less than f 2^-52 (|x| + |c|)²; an
 * engine may take what is below 2^-126 for 0. A row is decided when the two highest scores are twice as far apart as all that.
 *
 * @param inputs of {@link nearestCodeExact}.
 * @example
 * const { indices, threshold } = screenCodes({ x, codes });
 */
export function screenCodes({ x, codes }: NearestCodeExactInputs): ScreenedCodes {
  const [[n, features], [k]] = [x.shape, codes.shape];
  const [ofX, ofCodes] = [less(abs(x), LIMIT), less(abs(codes), LIMIT)];
  const [usable, usableCode] = [ofX, ofCodes].map((elements) => equal(sum(cast(elements, 'float32'), 1), features)) as [
    Tensor1D,
    Tensor1D,
  ];
  const finite = mul(select(ofCodes, codes, zerosLike(codes)), SCALE);
  const center = mean(finite, 0, true) as Tensor2D;
  const queries = sub(mul(select(ofX, x, zerosLike(x)), SCALE), center) as Tensor2D;
  const keys = sub(finite, center) as Tensor2D;
  const squares = sum(square(keys), 1);
  const bias = select(usableCode, mul(squares, -0.5), fill([k], LOWEST)) as Tensor1D;
  const { indices, best, second } = nearestTwoCodes({ x: queries, keys, bias });

  const longest = lengthOf(max(mul(squares, cast(usableCode, 'float32'))));
  const length = lengthOf(sum(square(queries), 1));
  const [relative, double, least] = [2 ** -22 * (features + 8), 2 ** -49 * (features + 2), 2 ** -120 * (features + 8)];
  const both = add(length, longest);
  const rounding = add(add(mul(mul(both, longest), relative), mul(square(both), double)), mul(add(both, 1), least));
  const decided = logicalAnd(usable, greater(sub(best, second), rounding));
  const threshold = select(decided, fill([n], DECIDED), sub(best, rounding)) as Tensor1D;
  return {
    indices: mul(indices, cast(usable, 'int32')) as Tensor1D,
    threshold: select(usable, threshold, fill([n], DECIDED)) as Tensor1D,
    center,
    bias,
  };
}

/** The length from its square, never too short: squares of what is below 2^-63 are lost. */
function lengthOf(squared: Tensor): Tensor {
  return add(sqrt(squared), 2 ** -60);
}
