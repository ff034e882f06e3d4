import { type KernelFunc, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { type FsqAttrs, fsqQuantize as kernel } from '@vqkit/core-tensor';
import { withoutSubnormals } from './subnormal.ts';

/** The reference, with negative subnormal numbers kept below a threshold of 0: all other thresholds are far from them. */
export const fsqQuantize: KernelFunc = ({ inputs, attrs }) => {
  const { z } = inputs as { z: Tensor2D };
  const options = attrs as unknown as FsqAttrs;
  const stepsAtZero = options.thresholds.some((thresholds) => thresholds.includes(0));
  return tidy(() => kernel.reference({ z: stepsAtZero ? withoutSubnormals(z, -1) : z }, options));
};
