import { add, clipByValue, mul, tensor4d } from '@tensorflow/tfjs-core';
import { requireIds, requireImages } from '../check.ts';
import type { DataTensor } from './modality.ts';

/** Pictures as float32 [count, height, width, channels] in [-1, 1]. */
export const images: DataTensor = {
  name: 'images',
  exampleShape: (channels, size) => [...size, channels],
  toTensor: (values, count, [height = 0, width = 0, channels = 0]) =>
    tensor4d(values, [count, height, width, channels]),
  // To [-1, 1]; NaN stays, which the clamp of the wasm engine takes for -1.
  fromOutput: (output) => add(clipByValue(output, -1, 1), mul(output, 0)),
  requireData: requireImages,
  requireIds,
};
