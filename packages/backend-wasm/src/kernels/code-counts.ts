import { type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';

/** How often each code occurs. */
export const codeCounts: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { indices } = inputs as { indices: TensorInfo };
  const { codebookSize } = attrs as unknown as { codebookSize: number };
  const counts = engine.output([codebookSize], 'int32');
  const size = util.sizeFromShape(indices.shape);
  engine.call('codeCounts', engine.address(indices), engine.address(counts), size, codebookSize);
  return counts;
};
