import { type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';

/** Elements of one unit of work in assembly/gelu.ts and assembly/silu.ts. */
const BLOCK = 8192;

/** y = x Φ(x). */
export const gelu: KernelFunc = activation('gelu');
/** dx = dy · (Φ(x) + x φ(x)). */
export const geluGrad: KernelFunc = slope('geluGrad');
/** y = x σ(x). */
export const silu: KernelFunc = activation('silu');
/** dx = dy · (σ(x) + x σ(x) (1 - σ(x))). */
export const siluGrad: KernelFunc = slope('siluGrad');

function activation(name: string): KernelFunc {
  return ({ inputs, backend }) => {
    const engine = engineOf(backend);
    const { x } = inputs as { x: TensorInfo };
    const y = engine.output(x.shape, 'float32');
    const size = util.sizeFromShape(x.shape);
    engine.run(name, Math.ceil(size / BLOCK), engine.address(x), engine.address(y), size);
    return y;
  };
}

function slope(name: string): KernelFunc {
  return ({ inputs, backend }) => {
    const engine = engineOf(backend);
    const { dy, x } = inputs as { dy: TensorInfo; x: TensorInfo };
    const dx = engine.output(x.shape, 'float32');
    const size = util.sizeFromShape(x.shape);
    engine.run(name, Math.ceil(size / BLOCK), engine.address(dy), engine.address(x), engine.address(dx), size);
    return dx;
  };
}
