import {
  getKernel,
  getKernelsForBackend,
  type KernelBackend,
  type KernelConfig,
  type KernelFunc,
} from '@tensorflow/tfjs-core';
import { provideKernel, provideReductionGradients } from '@vqkit/core-tensor';
import { guardKernel } from '../guard.ts';
import { gelu, geluGrad, silu, siluGrad } from './activation.ts';
import { adamWStep } from './adamw-step.ts';
import { batchMatMul } from './batch-mat-mul.ts';
import { bitEntropy, bitEntropyGrad } from './bit-entropy.ts';
import { codeCounts } from './code-counts.ts';
import { convSame, convSameGradFilter, convSameGradInput } from './conv-same.ts';
import { conv2D, fusedConv2D } from './conv2d.ts';
import { conv2DBackpropFilter } from './conv2d-backprop-filter.ts';
import { conv2DBackpropInput } from './conv2d-backprop-input.ts';
import { convolution, convolutionGradFilter, convolutionGradInput } from './convolution.ts';
import {
  depthwiseConv2dNativeBackpropFilter,
  depthwiseConv2dNativeBackpropInput,
} from './depthwise-conv2d-backprop.ts';
import { einsum, registerEinsumGradient } from './einsum.ts';
import { elu, eluGrad } from './elu.ts';
import { fsqDecode, fsqEncode, fsqQuantize, fsqQuantizeGrad } from './fsq-quantize.ts';
import { fusedMatMul } from './fused.ts';
import { gatherV2 } from './gather.ts';
import { gatherSum } from './gather-sum.ts';
import { groupNorm, groupNormGrad, groupNormSums } from './group-norm.ts';
import { cast, same } from './identity.ts';
import { maxPool, maxPoolGrad } from './max-pool.ts';
import { multiply } from './multiply.ts';
import { nearestCode } from './nearest-code.ts';
import { nearestCodeExact } from './nearest-code-exact.ts';
import { residualFsq, residualFsqDecode } from './residual-fsq.ts';
import { residualSign, residualSignDecode } from './residual-sign.ts';
import { resizeNearestNeighbor, resizeNearestNeighborGrad } from './resize-nearest.ts';
import { reverseBits } from './reverse-bits.ts';
import { rotateToGrad } from './rotate-to.ts';
import { selectRows } from './select-rows.ts';
import { signDecode, signEncode, signQuantize } from './sign-quantize.ts';
import { softClamp, softClampGrad } from './soft-clamp.ts';
import { spread } from './spread.ts';
import { stft, stftGrad, stftMagnitude, stftMagnitudeGrad } from './stft.ts';
import { mean, sum } from './sum.ts';
import { unsortedSegmentSum } from './unsorted-segment-sum.ts';

/** tfjs's own kernels behind some of ours, which call them for what they do not do themselves. */
const delegates = new Map<string, KernelConfig>();

/** Gives the wasm engine every kernel of this package: what tfjs lacks, what it does slowly, and vqkit's own. */
export function provideKernels(backend: KernelBackend): void {
  if (delegates.size === 0) guarded(register);
  // tfjs binds its kernels to one WebAssembly instance when a backend starts, but only those it finds in its registry.
  for (const { setupFunc } of delegates.values()) setupFunc?.(backend);
}

/** Gives models of plain TensorFlow.js this package's versions too, whose numbers are others: sums round otherwise. */
export function replaceTfjsKernels(): void {
  guarded(replace);
}

/** What a plain model of TensorFlow.js computes otherwise by these: see {@link replaceTfjsKernels}. */
function replace(): void {
  provide('Conv2D', conv2D);
  provide('FusedConv2D', fusedConv2D);
  provide('Conv2DBackpropInput', conv2DBackpropInput);
  provide('BatchMatMul', batchMatMul(tfjs('BatchMatMul')));
  provide('_FusedMatMul', fusedMatMul);
  provide('MaxPool', maxPool);
  provide('MaxPoolGrad', maxPoolGrad);
  provide('Sum', sum(tfjs('Sum')));
  provide('Mean', mean(tfjs('Mean')));
}

/** Kernels that allocate by the guarded door: tfjs's own as well. */
const guardedKernels = new WeakSet<KernelConfig>();

function guarded(provideSome: () => void): void {
  provideSome();
  for (const config of getKernelsForBackend('wasm')) {
    if (!guardedKernels.has(config)) guardKernel(config);
    guardedKernels.add(config);
  }
}

const provide = (name: string, kernel: KernelFunc): void => provideKernel('wasm', name, kernel);

function tfjs(name: string): KernelConfig {
  const config = delegates.get(name) ?? (getKernel(name, 'wasm') as KernelConfig);
  delegates.set(name, config);
  return config;
}

function register(): void {
  provide('Conv2DBackpropFilter', conv2DBackpropFilter);
  provide('DepthwiseConv2dNativeBackpropInput', depthwiseConv2dNativeBackpropInput);
  provide('DepthwiseConv2dNativeBackpropFilter', depthwiseConv2dNativeBackpropFilter);
  provide('Einsum', einsum);
  registerEinsumGradient();
  provideReductionGradients();
  provide('ResizeNearestNeighbor', resizeNearestNeighbor);
  provide('ResizeNearestNeighborGrad', resizeNearestNeighborGrad);
  provide('Multiply', multiply(tfjs('Multiply')));
  provide('Cast', cast(tfjs('Cast')));
  provide('Identity', same('x'));
  provide('GatherV2', gatherV2(tfjs('GatherV2')));
  provide('UnsortedSegmentSum', unsortedSegmentSum);

  provide('MatMul', batchMatMul(tfjs('BatchMatMul')));
  provide('ReduceSum', sum(tfjs('Sum')));
  provide('ReduceMean', mean(tfjs('Mean')));
  provide('MaxPool2d', maxPool);
  provide('MaxPool2dGrad', maxPoolGrad);
  provide('BitEntropy', bitEntropy);
  provide('BitEntropyGrad', bitEntropyGrad);
  provide('FsqEncode', fsqEncode);
  provide('FsqQuantize', fsqQuantize);
  provide('FsqQuantizeGrad', fsqQuantizeGrad);
  provide('FsqDecode', fsqDecode);
  provide('SignEncode', signEncode);
  provide('SignQuantize', signQuantize);
  provide('SignDecode', signDecode);
  provide('ReverseBits', reverseBits);
  provide('ResidualFsq', residualFsq);
  provide('ResidualFsqDecode', residualFsqDecode);
  provide('ResidualSign', residualSign);
  provide('ResidualSignDecode', residualSignDecode);
  provide('GatherSum', gatherSum);
  provide('SoftClamp', softClamp);
  provide('SoftClampGrad', softClampGrad);
  provide('Spread', spread);
  provide('StopGradient', same('x'));
  provide('StraightThrough', same('q'));
  provide('RotateTo', same('q'));
  provide('RotateToGrad', rotateToGrad);
  provide('SelectRows', selectRows);
  provide('CodeCounts', codeCounts);
  provide('NearestCode', nearestCode);
  provide('NearestCodeExact', nearestCodeExact);
  provide('ConvSame', convSame);
  provide('ConvSameGradInput', convSameGradInput);
  provide('ConvSameGradFilter', convSameGradFilter);
  provide('Convolution', convolution);
  provide('ConvolutionGradInput', convolutionGradInput);
  provide('ConvolutionGradFilter', convolutionGradFilter);
  provide('Stft', stft);
  provide('StftGrad', stftGrad);
  provide('StftMagnitude', stftMagnitude);
  provide('StftMagnitudeGrad', stftMagnitudeGrad);
  provide('ExponentialLinear', elu);
  provide('ExponentialLinearGrad', eluGrad);
  provide('Gelu', gelu);
  provide('GeluGrad', geluGrad);
  provide('Silu', silu);
  provide('SiluGrad', siluGrad);
  provide('GroupNorm', groupNorm);
  provide('GroupNormGrad', groupNormGrad);
  provide('GroupNormSums', groupNormSums);
  provide('AdamWStep', adamWStep);
}
