import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';

/** Rows of one unit of work in assembly/rotate.ts. */
const BLOCK = 64;

/** dx = λ Rᵀ dy of each row, which stays in the cache from its lengths to its result. */
export const rotateToGrad: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { dy, x, q } = inputs as Record<'dy' | 'x' | 'q', TensorInfo>;
  const { maxScale } = attrs as unknown as { maxScale: number };
  const [rows, dim] = x.shape as [number, number];
  const dx = engine.output([rows, dim], 'float32');
  engine.scratch(engine.threads * 32 * Math.ceil(dim / 4), (lines) => {
    const pointers = [dy, x, q, dx].map((tensor) => engine.address(tensor));
    engine.run('rotateToGrad', Math.ceil(rows / BLOCK), ...pointers, lines, maxScale, rows, dim);
  });
  return dx;
};
