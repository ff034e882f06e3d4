import { imageTensors } from '@vqkit/tokenizer';
import type { Modality } from '../modality.ts';
import { createImageMeter } from './image-quality.ts';
import { imageLoss } from './loss.ts';

/** Pictures in [-1, 1], channels last. */
export const imageModality: Modality = {
  ...imageTensors,
  loss: imageLoss,
  createMeter: createImageMeter,
};
