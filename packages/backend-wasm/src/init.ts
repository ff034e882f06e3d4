import '@tensorflow/tfjs-backend-wasm';
import { version_wasm } from '@tensorflow/tfjs-backend-wasm';
import { env, ready, setBackend } from '@tensorflow/tfjs-core';
import { provideKernel, UnsupportedError } from '@vqkit/core-tensor';
import { conv2DBackpropFilter } from './kernels/conv2d-backprop-filter.ts';
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

/** Starts TensorFlow.js on WebAssembly with the kernels of vqkit, and makes it the active engine. Safe to call again. */
export async function init(): Promise<EngineReport> {
  provideKernel('wasm', 'Conv2DBackpropFilter', conv2DBackpropFilter);
  provideKernel('wasm', 'UnsortedSegmentSum', unsortedSegmentSum);
  if (!(await setBackend('wasm'))) {
    throw new UnsupportedError("init: tf.setBackend('wasm') gave false. Look for the reason in the console.");
  }
  await ready();
  return {
    engine: 'wasm',
    simd: (await env().getAsync('WASM_HAS_SIMD_SUPPORT')) as boolean,
    threads: 1,
    version: version_wasm,
  };
}
