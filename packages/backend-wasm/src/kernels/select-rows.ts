import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';

/** Rows of one unit of work in assembly/select.ts. */
const BLOCK = 1024;

/** Row n of a where the condition holds, else of b, which may have one column for all; float32 or int32. */
export const selectRows: KernelFunc = ({ inputs, backend }) => {
  const engine = engineOf(backend);
  const { condition, a, b } = inputs as Record<'condition' | 'a' | 'b', TensorInfo>;
  const [rows, width] = a.shape as [number, number];
  const out = engine.output([rows, width], a.dtype);
  const pointers = [condition, a, b, out].map((tensor) => engine.address(tensor));
  engine.run('selectRows', Math.ceil(rows / BLOCK), ...pointers, rows, width, b.shape[1] as number);
  return out;
};
