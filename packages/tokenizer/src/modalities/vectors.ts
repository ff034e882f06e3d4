import { tensor2d } from '@tensorflow/tfjs-core';
import { requireVectorIds, requireVectors } from '../check.ts';
import type { DataTensor } from './modality.ts';

/** Vectors as float32 [count, features], of any range. */
export const vectors: DataTensor = {
  name: 'vectors',
  exampleShape: (features) => [features],
  toTensor: (values, count, [features = 0]) => tensor2d(values, [count, features]),
  fromOutput: (output) => output,
  requireData: requireVectors,
  requireIds: requireVectorIds,
};
