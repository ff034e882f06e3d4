import { type KernelConfig, type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';
import { ARITHMETIC_BLOCK, isUniform } from './spread.ts';

/** a · b of two float32 tensors of one shape, on all threads; what is broadcast is tfjs's own. */
export function multiply(tfjs: KernelConfig): KernelFunc {
  return (call) => {
    const { a, b } = call.inputs as { a: TensorInfo; b: TensorInfo };
    const float = a.dtype === 'float32' && b.dtype === 'float32';
    if (!float || !util.arraysEqual(a.shape, b.shape)) return tfjs.kernelFunc(call);
    const engine = engineOf(call.backend);
    const size = util.sizeFromShape(a.shape);
    const out = engine.output(a.shape, 'float32');
    const [left, right, to] = [a, b, out].map((tensor) => engine.address(tensor)) as [number, number, number];
    // Where a gradient begins one factor is the same number everywhere, which need not be read again and again.
    const name = isUniform(a) ? 'scale' : 'multiply';
    engine.run(name, Math.ceil(size / ARITHMETIC_BLOCK), left, right, to, size);
    return out;
  };
}
