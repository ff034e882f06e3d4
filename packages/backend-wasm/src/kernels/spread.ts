import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { util } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';

/** Elements of one unit of work in assembly/arithmetic.ts. */
const BLOCK = 4096;

/** A number everywhere in a shape; it never leaves the engine's memory. */
export const spread: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { value } = inputs as { value: TensorInfo };
  const { shape } = attrs as unknown as { shape: readonly number[] };
  const size = util.sizeFromShape([...shape]);
  const out = engine.output(shape, 'float32');
  engine.run('spread', Math.ceil(size / BLOCK), engine.address(value), engine.address(out), size);
  return out;
};
