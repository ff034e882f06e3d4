import { type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';

/** Indices of one unit of work in assembly/reverse-bits.ts. */
const BLOCK = 4096;

/** Four indices at a time. */
export const reverseBits: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { indices } = inputs as { indices: TensorInfo };
  const { bits } = attrs as unknown as { bits: number };
  const out = engine.output(indices.shape, 'int32');
  const count = util.sizeFromShape(indices.shape);
  engine.run('reverseBits', Math.ceil(count / BLOCK), engine.address(indices), engine.address(out), bits, count);
  return out;
};
