import { type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';

/** Elements of one unit of work in assembly/arithmetic.ts. */
export const ARITHMETIC_BLOCK = 4096;

/** Data that are one number everywhere. Data of a tensor are never written to, so that they stay so. */
const uniform = new WeakSet<object>();

/** Whether a tensor is known to be one number everywhere, as the gradient of a sum or a mean of everything is. */
export function isUniform({ dataId }: TensorInfo): boolean {
  return uniform.has(dataId);
}

/** A number everywhere in a shape; it never leaves the engine's memory. */
export const spread: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { value } = inputs as { value: TensorInfo };
  const { shape } = attrs as unknown as { shape: readonly number[] };
  const size = util.sizeFromShape([...shape]);
  const out = engine.output(shape, 'float32');
  engine.run('spread', Math.ceil(size / ARITHMETIC_BLOCK), engine.address(value), engine.address(out), size);
  uniform.add(out.dataId);
  return out;
};
