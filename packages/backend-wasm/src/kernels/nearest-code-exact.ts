import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';

/** The code at the smallest distance of each token, in float64. */
export const nearestCodeExact: KernelFunc = ({ inputs, backend }) => {
  const engine = engineOf(backend);
  const { x, codes } = inputs as { x: TensorInfo; codes: TensorInfo };
  const [tokens, dim] = x.shape as [number, number];
  const [count] = codes.shape as [number];
  const panels = Math.ceil(count / 4);
  const indices = engine.output([tokens], 'int32');
  engine.scratch(panels * dim * 32, (packed) => {
    engine.run('packCodesExact', panels, engine.address(codes), packed, count, dim);
    const [from, to] = [engine.address(x), engine.address(indices)];
    engine.run('nearestCodeExact', Math.ceil(tokens / 2), from, packed, to, tokens, dim, panels);
  });
  return [indices];
};
