import {
  cast,
  concat,
  floor,
  greater,
  mul,
  scalar,
  where as select,
  slice,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
} from '@tensorflow/tfjs-core';
import { mixedRadixDigits } from '../digits.ts';
import { defineKernel, type Kernel } from '../kernel.ts';
import { sum } from './reduce.ts';

export interface SignAttrs {
  /** Magnitude s of every element of a code. */
  readonly scale: number;
}

/**
 * The corner of the hypercube {±s}^d nearest to each of N tokens: [N, d] → codes [N, d] and int32 indices [N], d <= 31.
 *
 * `code_i = s where x_i > 0, else -s` and `index = Σ_i [x_i > 0] · 2^(d-1-i)`: feature 0 is the MOST significant bit. 0, -0 and
 * NaN are not above 0: -s, bit 0. The gradient is straight-through: that of the codes goes to x unchanged.
 */
export const signQuantize: Kernel<{ x: Tensor2D }, SignAttrs, [codes: Tensor2D, indices: Tensor1D]> = defineKernel({
  name: 'SignQuantize',
  reference: ({ x }, { scale }) => {
    const positive = greater(x, scalar(0));
    return [select<Tensor>(positive, scalar(scale), scalar(-scale)) as Tensor2D, bitsToIndices(positive as Tensor2D)];
  },
  onlyFirstHasGradient: true,
  gradient: ([dCodes]) => ({ x: () => (dCodes as Tensor).clone() }),
});

/** The indices of {@link signQuantize} alone, without the codes: [N, d] → int32 [N], d <= 31. No gradient. */
export const signEncode: Kernel<{ x: Tensor2D }, Record<string, never>, [indices: Tensor1D]> = defineKernel({
  name: 'SignEncode',
  reference: ({ x }) => [bitsToIndices(greater(x, scalar(0)) as Tensor2D)],
});

const SignDecode: Kernel<{ indices: Tensor1D }, SignAttrs & { readonly dim: number }, [codes: Tensor2D]> = defineKernel(
  {
    name: 'SignDecode',
    reference: ({ indices }, { dim, scale }) => {
      // A half of at most 16 bits is exact in float32, and so is its division by a power of two.
      const halves = cast(mixedRadixDigits(indices, [2 ** 16, 2 ** 15]), 'float32');
      const low = lowestBits(slice(halves, [0, 0], [-1, 1]), Math.min(dim, 16));
      const bits = dim <= 16 ? low : concat([lowestBits(slice(halves, [0, 1], [-1, 1]), dim - 16), low], 1);
      return [select<Tensor>(greater(bits, scalar(0)), scalar(scale), scalar(-scale)) as Tensor2D];
    },
  },
);

/** The codes of int32 indices, the inverse of {@link signQuantize}: [N] → [N, dim], exact up to 2^31 - 1 on every engine. */
export function signCodes(indices: Tensor1D, dim: number, { scale }: SignAttrs): Tensor2D {
  return SignDecode({ indices }, { dim, scale })[0];
}

/** bool [N, d] → int32 [N], feature 0 the most significant bit. */
function bitsToIndices(positive: Tensor2D): Tensor1D {
  const [, dim] = positive.shape;
  const weights = Array.from({ length: dim }, (_, i) => 2 ** (dim - 1 - i));
  return sum(mul(cast(positive, 'int32'), tensor1d(weights, 'int32')), 1);
}

/** The lowest bits of whole numbers below 2^16, most significant first: [N, 1] → [N, count]. */
function lowestBits(numbers: Tensor2D, count: number): Tensor2D {
  const places = tensor1d(Array.from({ length: count }, (_, i) => 2 ** -(count - 1 - i)));
  const shifted = floor(mul(numbers, places));
  return sub(shifted, mul(scalar(2), floor(mul(shifted, scalar(0.5)))));
}
