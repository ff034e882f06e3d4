import {
  add,
  floorDiv,
  mul,
  scalar,
  stack,
  sub,
  type Tensor1D,
  type Tensor2D,
  tidy,
  transpose,
} from '@tensorflow/tfjs-core';

/**
 * The digits of integers in a mixed radix, exact up to 2^31 - 1 on every engine: `digit_i = ⌊index / Π_{j<i} levels_j⌋ mod levels_i`.
 * Digit 0 is the LEAST significant one; the inverse is Σ digit_i · Π_{j<i} levels_j. No gradient.
 *
 * @param indices int32 [N], each in [0, Π levels).
 * @param levels integers from 1 to 2^24, product at most 2^31 - 1.
 * @returns int32 [N, levels.length].
 * @example
 * mixedRadixDigits(tf.tensor1d([7], 'int32'), [2, 3, 5]); // [[1, 0, 1]]: 7 = 1 + 0·2 + 1·6
 */
export function mixedRadixDigits(indices: Tensor1D, levels: readonly number[]): Tensor2D {
  return tidy(() => {
    const digits: Tensor1D[] = [];
    let rest = indices;
    for (const level of levels.slice(0, -1)) {
      const radix = scalar(level, 'int32');
      // Some engines divide integers in float32, whose quotient can be off. Its remainder is exact in integers and at most a few
      // hundred times the level, so that dividing once more is exact everywhere.
      const rough: Tensor1D = floorDiv(rest, radix);
      const remainder: Tensor1D = sub(rest, mul(rough, radix));
      const correction: Tensor1D = floorDiv(remainder, radix);
      digits.push(sub(remainder, mul(correction, radix)));
      rest = add(rough, correction);
    }
    digits.push(rest);
    // Stacking rows and turning them is many times faster on wasm than stacking columns.
    return transpose(stack(digits, 0) as Tensor2D);
  });
}
