import { type KernelFunc, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { fsqEncode as encode, type FsqAttrs, fsqQuantize as quantize } from '@vqkit/core-tensor';
import { withoutSubnormals } from './subnormal.ts';

/** The reference, with negative subnormal numbers kept below a threshold of 0: all other thresholds are far from them. */
export const fsqQuantize: KernelFunc = ({ inputs, attrs }) => {
  const { z } = inputs as { z: Tensor2D };
  const options = attrs as unknown as FsqAttrs;
  return tidy(() => quantize.reference({ z: comparable(z, options) }, options));
};

export const fsqEncode: KernelFunc = ({ inputs, attrs }) => {
  const { z } = inputs as { z: Tensor2D };
  const options = attrs as unknown as FsqAttrs;
  return tidy(() => encode.reference({ z: comparable(z, options) }, options));
};

function comparable(z: Tensor2D, { thresholds }: FsqAttrs): Tensor2D {
  return thresholds.some((own) => own.includes(0)) ? withoutSubnormals(z, -1) : z;
}
