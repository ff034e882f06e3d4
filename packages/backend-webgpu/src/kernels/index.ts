import { getKernel, type KernelConfig } from '@tensorflow/tfjs-core';
import { provideKernel } from '@vqkit/core-tensor';
import { bitEntropy, bitEntropyGrad } from './bit-entropy.ts';
import { fsqQuantize } from './fsq-quantize.ts';
import { BINARY, integerBinary, integerSum } from './integers.ts';
import { gather, MOVED, moveKernel, select } from './move.ts';
import { nearestCode } from './nearest-code.ts';
import { selectRows } from './select-rows.ts';
import { signQuantize } from './sign-quantize.ts';

const NAME = 'webgpu';
let provided = false;

/** Gives the webgpu engine every kernel of this package: vqkit's own, and those of tfjs that it lacks or gets wrong. */
export function provideKernels(): void {
  if (provided) return;
  provided = true;
  const tfjs = (name: string): KernelConfig => getKernel(name, NAME) as KernelConfig;

  for (const name of Object.keys(BINARY)) provideKernel(NAME, name, integerBinary(name, getKernel(name, NAME)));
  for (const name of MOVED) provideKernel(NAME, name, moveKernel(name, tfjs(name)));
  provideKernel(NAME, 'Sum', integerSum(tfjs('Sum')));
  provideKernel(NAME, 'GatherV2', gather(tfjs('GatherV2')));
  provideKernel(NAME, 'Select', select);

  provideKernel(NAME, 'BitEntropy', bitEntropy);
  provideKernel(NAME, 'BitEntropyGrad', bitEntropyGrad);
  provideKernel(NAME, 'FsqQuantize', fsqQuantize);
  provideKernel(NAME, 'SignQuantize', signQuantize);
  provideKernel(NAME, 'NearestCode', nearestCode);
  provideKernel(NAME, 'SelectRows', selectRows);
}
