import { type KernelFunc, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { signEncode as encode, signQuantize as quantize, type SignAttrs } from '@vqkit/core-tensor';
import { withoutSubnormals } from './subnormal.ts';

/** The reference, with positive subnormal numbers kept above 0. */
export const signQuantize: KernelFunc = ({ inputs, attrs }) => {
  const { x } = inputs as { x: Tensor2D };
  return tidy(() => quantize.reference({ x: withoutSubnormals(x, 1) }, attrs as unknown as SignAttrs));
};

export const signEncode: KernelFunc = ({ inputs }) => {
  const { x } = inputs as { x: Tensor2D };
  return tidy(() => encode.reference({ x: withoutSubnormals(x, 1) }, {}));
};
