import { tensor4d } from '@tensorflow/tfjs-core';
import { requireIds, requireImages } from '../check.ts';
import type { DataTensor } from './modality.ts';
import { clampToUnit } from './unit-range.ts';

/** Pictures as float32 [count, height, width, channels] in [-1, 1]. */
export const images: DataTensor = {
  name: 'images',
  exampleShape: (channels, size) => [...size, channels],
  toTensor: (values, count, [height = 0, width = 0, channels = 0]) =>
    tensor4d(values, [count, height, width, channels]),
  fromOutput: clampToUnit,
  requireData: requireImages,
  requireIds,
};
