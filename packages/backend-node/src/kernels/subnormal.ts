import {
  backend,
  greater,
  less,
  logicalAnd,
  scalar,
  where as select,
  type Tensor,
  type Tensor2D,
} from '@tensorflow/tfjs-core';

/** The part of tfjs-node's backend that runs operations of TensorFlow which TensorFlow.js has no name for. */
interface NodeBackend {
  readonly binding: { readonly TF_ATTR_TYPE: number; readonly TF_FLOAT: number; readonly TF_INT32: number };
  executeSingleOutput(name: string, attrs: readonly object[], inputs: readonly Tensor[]): Tensor;
}

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
  const { binding, executeSingleOutput } = backend() as unknown as NodeBackend;
  const attr = (name: string, value: number): object => ({ name, type: binding.TF_ATTR_TYPE, value });
  const attrs = [attr('T', binding.TF_FLOAT), attr('type', binding.TF_INT32)];
  return executeSingleOutput.call(backend(), 'Bitcast', attrs, [x]);
}
