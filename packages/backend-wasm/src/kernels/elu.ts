import { type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';

/** Elements of one unit of work in assembly/elu.ts. */
const BLOCK = 8192;

/** y = x above 0, else e^x - 1. */
export const elu: KernelFunc = ({ inputs, backend }) => {
  const engine = engineOf(backend);
  const { x } = inputs as { x: TensorInfo };
  const y = engine.output(x.shape, 'float32');
  const size = util.sizeFromShape(x.shape);
  engine.run('elu', Math.ceil(size / BLOCK), engine.address(x), engine.address(y), size);
  return y;
};

/** dx = dy · (min(y, 0) + 1). */
export const eluGrad: KernelFunc = ({ inputs, backend }) => {
  const engine = engineOf(backend);
  const { dy, y } = inputs as { dy: TensorInfo; y: TensorInfo };
  const dx = engine.output(y.shape, 'float32');
  const size = util.sizeFromShape(y.shape);
  engine.run('eluGrad', Math.ceil(size / BLOCK), engine.address(dy), engine.address(y), engine.address(dx), size);
  return dx;
};
