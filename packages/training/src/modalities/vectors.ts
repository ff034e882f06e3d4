import { vectorTensors } from '@vqkit/tokenizer';
import type { Modality } from '../modality.ts';
import { reconstructionLoss } from './loss.ts';
import { createVectorMeter } from './vector-quality.ts';

/** Vectors of any range, such as embeddings. */
export const vectorModality: Modality = {
  ...vectorTensors,
  loss: reconstructionLoss,
  createMeter: createVectorMeter,
};
