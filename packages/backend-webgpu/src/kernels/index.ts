import { getKernel, getKernelsForBackend, type KernelConfig } from '@tensorflow/tfjs-core';
import { provideKernel, provideReductionGradients } from '@vqkit/core-tensor';
import { guardKernel } from '../guard.ts';
import { adamWStep } from './adamw-step.ts';
import { bitEntropy, bitEntropyGrad } from './bit-entropy.ts';
import { codeCounts } from './code-counts.ts';
import { conv2dBackpropFilter } from './conv2d-backprop-filter.ts';
import { fsqDecode } from './fsq-decode.ts';
import { fsqQuantizeGrad } from './fsq-grad.ts';
import { fsqEncode, fsqQuantize } from './fsq-quantize.ts';
import { gatherCodes } from './gather-codes.ts';
import { BINARY, integerBinary, integerSum } from './integers.ts';
import { maxPoolGrad } from './max-pool-grad.ts';
import { gather, MOVED, moveKernel, select } from './move.ts';
import { nearestCode } from './nearest-code.ts';
import { nearestCodeExact } from './nearest-code-exact.ts';
import { multiplyNothing, OF_NOTHING, ofNothing, reduceNothing, SHAPE_OF } from './of-nothing.ts';
import { reverseBits } from './reverse-bits.ts';
import { rotateToGrad } from './rotate-to-grad.ts';
import { selectRows } from './select-rows.ts';
import { signDecode } from './sign-decode.ts';
import { signEncode, signQuantize } from './sign-quantize.ts';
import { cos, sin } from './sine.ts';
import { batchMatMul, REDUCTIONS, reduction } from './small.ts';
import { tanh } from './tanh.ts';
import { unitLength } from './unit-length.ts';
import { unsortedSegmentSum } from './unsorted-segment-sum.ts';

const NAME = 'webgpu';
let provided = false;

/** Gives the webgpu engine every kernel of this package: vqkit's own, and those of tfjs that it lacks or gets wrong. */
export function provideKernels(): void {
  if (provided) return;
  provided = true;
  provideReductionGradients();
  const tfjs = (name: string): KernelConfig => getKernel(name, NAME) as KernelConfig;

  for (const name of Object.keys(BINARY)) provideKernel(NAME, name, integerBinary(name, getKernel(name, NAME)));
  for (const name of MOVED) provideKernel(NAME, name, moveKernel(name, tfjs(name)));
  provideKernel(NAME, 'BatchMatMul', batchMatMul(tfjs('BatchMatMul')));
  provideKernel(NAME, 'Conv2DBackpropFilter', conv2dBackpropFilter(tfjs('Conv2DBackpropFilter')));
  for (const name of Object.keys(REDUCTIONS)) provideKernel(NAME, name, reduction(name, tfjs(name)));
  provideKernel(NAME, 'Sum', integerSum(tfjs('Sum')));
  for (const name of Object.keys(OF_NOTHING)) provideKernel(NAME, name, reduceNothing(name, tfjs(name)));
  for (const name of ['BatchMatMul', '_FusedMatMul']) provideKernel(NAME, name, multiplyNothing(tfjs(name)));
  for (const name of Object.keys(SHAPE_OF)) provideKernel(NAME, name, ofNothing(name, tfjs(name)));
  provideKernel(NAME, 'GatherV2', gather(tfjs('GatherV2')));
  provideKernel(NAME, 'MaxPoolGrad', maxPoolGrad);
  provideKernel(NAME, 'Select', select);
  provideKernel(NAME, 'Sin', sin);
  provideKernel(NAME, 'Cos', cos);
  provideKernel(NAME, 'Tanh', tanh);
  provideKernel(NAME, 'UnsortedSegmentSum', unsortedSegmentSum);

  provideKernel(NAME, 'AdamWStep', adamWStep);
  provideKernel(NAME, 'BitEntropy', bitEntropy);
  provideKernel(NAME, 'BitEntropyGrad', bitEntropyGrad);
  provideKernel(NAME, 'CodeCounts', codeCounts);
  provideKernel(NAME, 'FsqDecode', fsqDecode);
  provideKernel(NAME, 'FsqEncode', fsqEncode);
  provideKernel(NAME, 'FsqQuantize', fsqQuantize);
  provideKernel(NAME, 'FsqQuantizeGrad', fsqQuantizeGrad);
  provideKernel(NAME, 'GatherCodes', gatherCodes);
  provideKernel(NAME, 'NearestCode', nearestCode);
  provideKernel(NAME, 'NearestCodeExact', nearestCodeExact);
  provideKernel(NAME, 'ReverseBits', reverseBits);
  provideKernel(NAME, 'RotateToGrad', rotateToGrad);
  provideKernel(NAME, 'SelectRows', selectRows);
  provideKernel(NAME, 'SignDecode', signDecode);
  provideKernel(NAME, 'SignEncode', signEncode);
  provideKernel(NAME, 'SignQuantize', signQuantize);
  provideKernel(NAME, 'UnitLength', unitLength);

  // tfjs's own as well.
  for (const config of getKernelsForBackend(NAME)) guardKernel(config);
}
