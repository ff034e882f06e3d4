import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';

/** A kernel whose output has the value of one input: shares the data, as tfjs's other backends do; tfjs-backend-wasm copies. */
export function same(name: string): KernelFunc {
  return ({ inputs, backend }) => {
    const { dataId, shape, dtype } = inputs[name] as TensorInfo;
    (backend as BackendWasm).incRef(dataId);
    return { dataId, shape, dtype };
  };
}
