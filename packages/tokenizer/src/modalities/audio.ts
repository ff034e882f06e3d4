import { tensor3d } from '@tensorflow/tfjs-core';
import { requireFrameIds, requireSound } from '../check.ts';
import type { DataTensor } from './modality.ts';
import { clampToUnit } from './unit-range.ts';

/** Sound as float32 [count, samples, channels] in [-1, 1]. */
export const audio: DataTensor = {
  name: 'audio',
  exampleShape: (channels, [samples = 0]) => [samples, channels],
  toTensor: (values, count, [samples = 0, channels = 0]) => tensor3d(values, [count, samples, channels]),
  fromOutput: clampToUnit,
  requireData: requireSound,
  requireIds: requireFrameIds,
};
