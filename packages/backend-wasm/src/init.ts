import { type BackendWasm, version_wasm } from '@tensorflow/tfjs-backend-wasm';
import { backend, env, getKernel, type KernelConfig, type KernelFunc, ready, setBackend } from '@tensorflow/tfjs-core';
import { provideKernel, UnsupportedError } from '@vqkit/core-tensor';
import { attachEngine, hasEngine } from './engine.ts';
import { adamWStep } from './kernels/adamw-step.ts';
import { conv2D, fusedConv2D } from './kernels/conv2d.ts';
import { conv2DBackpropFilter } from './kernels/conv2d-backprop-filter.ts';
import { conv2DBackpropInput } from './kernels/conv2d-backprop-input.ts';
import { gelu, geluGrad } from './kernels/gelu.ts';
import { identity } from './kernels/identity.ts';
import { maxPool, maxPoolGrad } from './kernels/max-pool.ts';
import { resizeNearestNeighbor, resizeNearestNeighborGrad } from './kernels/resize-nearest.ts';
import { sum } from './kernels/sum.ts';
import { unsortedSegmentSum } from './kernels/unsorted-segment-sum.ts';

/** What the engine is and can do. */
export interface EngineReport {
  readonly engine: 'wasm';
  /** 128-bit SIMD instructions. */
  readonly simd: boolean;
  readonly threads: number;
  /** Version of @tensorflow/tfjs-backend-wasm. */
  readonly version: string;
}

let provided = false;

/** Starts TensorFlow.js on WebAssembly with the kernels of vqkit, and makes it the active engine. Safe to call again. */
export async function init(): Promise<EngineReport> {
  if (!(await setBackend('wasm'))) {
    throw new UnsupportedError("init: tf.setBackend('wasm') gave false. Look for the reason in the console.");
  }
  await ready();
  const wasm = backend() as unknown as BackendWasm;
  if (!hasEngine(wasm)) await attachEngine(wasm);
  if (!provided) provideKernels();
  provided = true;
  return {
    engine: 'wasm',
    simd: (await env().getAsync('WASM_HAS_SIMD_SUPPORT')) as boolean,
    threads: 1,
    version: version_wasm,
  };
}

function provideKernels(): void {
  const provide = (name: string, kernel: KernelFunc): void => provideKernel('wasm', name, kernel);
  const tfjs = (name: string): KernelConfig => getKernel(name, 'wasm') as KernelConfig;

  provide('Conv2D', conv2D);
  provide('FusedConv2D', fusedConv2D(tfjs('FusedConv2D')));
  provide('Conv2DBackpropInput', conv2DBackpropInput);
  provide('Conv2DBackpropFilter', conv2DBackpropFilter);
  provide('MaxPool', maxPool);
  provide('MaxPoolGrad', maxPoolGrad);
  provide('ResizeNearestNeighbor', resizeNearestNeighbor);
  provide('ResizeNearestNeighborGrad', resizeNearestNeighborGrad);
  provide('Sum', sum(tfjs('Sum')));
  provide('Identity', identity);
  provide('UnsortedSegmentSum', unsortedSegmentSum);

  provide('Gelu', gelu);
  provide('GeluGrad', geluGrad);
  provide('AdamWStep', adamWStep);
}
