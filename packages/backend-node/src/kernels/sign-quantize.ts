import { type KernelFunc, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { signQuantize as kernel, type SignAttrs } from '@vqkit/core-tensor';
import { withoutSubnormals } from './subnormal.ts';

/** The reference, with positive subnormal numbers kept above 0. */
export const signQuantize: KernelFunc = ({ inputs, attrs }) => {
  const { x } = inputs as { x: Tensor2D };
  return tidy(() => kernel.reference({ x: withoutSubnormals(x, 1) }, attrs as unknown as SignAttrs));
};
