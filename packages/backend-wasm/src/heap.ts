import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { DataType, KernelBackend, TensorInfo, TypedArray } from '@tensorflow/tfjs-core';

/** The memory of a wasm engine as the kernels see it. */
export interface Heap {
  /** Allocates an output tensor, contents undefined. */
  output(shape: number[], dtype: DataType): TensorInfo;
  /** The elements of a tensor, in place. Valid until the next allocation: memory may grow and detach it. */
  view(tensor: TensorInfo): TypedArray;
}

export function heapOf(backend: unknown): Heap {
  const wasm = backend as BackendWasm & KernelBackend;
  return {
    output: (shape, dtype) => wasm.makeOutput(shape, dtype),
    view: (tensor) => wasm.typedArrayFromHeap(tensor),
  };
}
