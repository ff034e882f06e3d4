import {
  cast,
  greaterEqual,
  less,
  logicalAnd,
  mul,
  reshape,
  reverse,
  scalar,
  where as select,
  type Tensor,
  type Tensor1D,
} from '@tensorflow/tfjs-core';
import { defineKernel, type Kernel } from '../kernel.ts';
import { signCodes, signEncode } from './sign-quantize.ts';

const ReverseBits: Kernel<{ indices: Tensor }, { readonly bits: number }, [reversed: Tensor]> = defineKernel({
  name: 'ReverseBits',
  reference: ({ indices }, { bits }) => {
    const known = logicalAnd(greaterEqual(indices, scalar(0, 'int32')), less(indices, scalar(2 ** bits, 'int32')));
    const corners = signCodes(reshape(mul(indices, cast(known, 'int32')), [-1]) as Tensor1D, bits, { scale: 1 });
    const [reversed] = signEncode({ x: reverse(corners, 1) }, {});
    return [select<Tensor>(known, reshape(reversed, indices.shape), indices)];
  },
});

/**
 * Indices with the order of their bits reversed: int32 of any shape. Indices in [0, 2^bits) stay in it, its own inverse; others, such as
 * -1 of padding, stay as they are. 1 <= bits <= 30. No gradient.
 *
 * @example
 * reverseBits(tf.tensor1d([0b001, 0b110, -1], 'int32'), 3); // [0b100, 0b011, -1]
 */
export function reverseBits<T extends Tensor>(indices: T, bits: number): T {
  if (indices.size === 0) return indices.clone();
  return ReverseBits({ indices }, { bits })[0] as T;
}
