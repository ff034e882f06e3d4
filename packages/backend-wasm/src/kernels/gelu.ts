import { type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';

/** Elements of one unit of work in assembly/gelu.ts. */
const BLOCK = 8192;

/** y = x Φ(x). */
export const gelu: KernelFunc = ({ inputs, backend }) => {
  const engine = engineOf(backend);
  const { x } = inputs as { x: TensorInfo };
  const y = engine.output(x.shape, 'float32');
  const size = util.sizeFromShape(x.shape);
  engine.run('gelu', Math.ceil(size / BLOCK), engine.address(x), engine.address(y), size);
  return y;
};

/** dx = dy · (Φ(x) + x φ(x)). */
export const geluGrad: KernelFunc = ({ inputs, backend }) => {
  const engine = engineOf(backend);
  const { dy, x } = inputs as { dy: TensorInfo; x: TensorInfo };
  const dx = engine.output(x.shape, 'float32');
  const size = util.sizeFromShape(x.shape);
  engine.run('geluGrad', Math.ceil(size / BLOCK), engine.address(dy), engine.address(x), engine.address(dx), size);
  return dx;
};
