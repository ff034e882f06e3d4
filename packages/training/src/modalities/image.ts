import type { Modality } from '../modality.ts';
import { reconstructionLoss } from './image/loss.ts';
import { createQualityMeter } from './image/quality.ts';
import { fromOutput, toTensor } from './image/tensor.ts';

/** Pictures in [-1, 1], channels last. */
export const image: Modality = {
  name: 'image',
  toTensor,
  fromOutput,
  loss: reconstructionLoss,
  createMeter: createQualityMeter,
};
