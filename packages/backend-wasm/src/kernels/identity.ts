import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { CastAttrs, KernelConfig, KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';

/** A kernel whose output has the value of one input: shares the data, as tfjs's other backends do; tfjs-backend-wasm copies. */
export function same(name: string): KernelFunc {
  return ({ inputs, backend }) => {
    const { dataId, shape, dtype } = inputs[name] as TensorInfo;
    (backend as BackendWasm).incRef(dataId);
    return { dataId, shape, dtype };
  };
}

/** A cast to the type that x has already, as the gradient of every multiplication asks for: tfjs copies. Others are tfjs's own. */
export function cast(tfjs: KernelConfig): KernelFunc {
  const share = same('x');
  return (call) => {
    const { x } = call.inputs as { x: TensorInfo };
    const { dtype } = call.attrs as unknown as CastAttrs;
    return dtype === x.dtype ? share(call) : tfjs.kernelFunc(call);
  };
}
