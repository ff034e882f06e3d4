import { greater, less, logicalAnd, scalar, where as select, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { operation } from './operation.ts';

/** Bits of the smallest normal float32, 2^-126, and of -0, as int32. */
const SMALLEST_NORMAL = 0x00800000;
const MINUS_ZERO = -(2 ** 31);

/**
 * x with its subnormal numbers of one sign replaced by the smallest normal number of that sign, ± 2^-126.
 *
 * TensorFlow computes with subnormal numbers as zeros, comparisons included: to it -1e-45 >= 0 and not 1e-45 > 0. Looking at the
 * bits as integers tells them from zero.
 */
export function withoutSubnormals(x: Tensor2D, sign: 1 | -1): Tensor2D {
  const bits = bitsOf(x);
  const zero = sign === 1 ? 0 : MINUS_ZERO;
  const subnormal = logicalAnd(
    greater(bits, scalar(zero, 'int32')),
    less(bits, scalar(zero + SMALLEST_NORMAL, 'int32')),
  );
  return select<Tensor>(subnormal, scalar(sign * 2 ** -126), x) as Tensor2D;
}

/** The bits of float32 numbers, as int32 of the same shape. */
function bitsOf(x: Tensor): Tensor {
  return operation('Bitcast', { T: 'TF_FLOAT', type: 'TF_INT32' }, [x]);
}
