import { add, floorDiv, mul, scalar, stack, sub, type Tensor1D, type Tensor2D, tidy } from '@tensorflow/tfjs-core';

/**
 * The digits of mixed-radix integers, exact up to 2^31 - 1: int32 [N] → int32 [N, levels.length], digit 0 the LEAST significant
 * one. The inverse is Σ digit_i · Π_{j<i} levels_j.
 */
export function mixedRadixDigits(indices: Tensor1D, levels: readonly number[]): Tensor2D {
  return tidy(() => {
    const digits: Tensor1D[] = [];
    let rest = indices;
    for (const level of levels) {
      const radix = scalar(level, 'int32');
      // Some engines divide integers in float32. The remainder of that first quotient is exact and small, so that a second
      // division of it is exact everywhere.
      const rough: Tensor1D = floorDiv(rest, radix);
      const remainder: Tensor1D = sub(rest, mul(rough, radix));
      const correction: Tensor1D = floorDiv(remainder, radix);
      digits.push(sub(remainder, mul(correction, radix)));
      rest = add(rough, correction);
    }
    return stack(digits, 1) as Tensor2D;
  });
}
