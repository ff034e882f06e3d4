import { fill, mul, type Scalar, sum, type Tensor } from '@tensorflow/tfjs-core';
import type { KernelDefinition } from '../kernel.ts';

/**
 * One number everywhere in a shape: the gradient of a sum or a mean of everything. On the tape, because that gradient may be
 * differentiated again.
 */
export const spread: KernelDefinition<{ value: Scalar }, { readonly shape: readonly number[] }, [Tensor]> = {
  name: 'Spread',
  reference: ({ value }, { shape }) => [mul(value, fill([...shape], 1))],
  gradient: ([dy]) => ({ value: () => sum(dy as Tensor) }),
};
