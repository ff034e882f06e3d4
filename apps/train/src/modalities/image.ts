import { DATA_NAMES, dataNotes, loadDataset } from '@vqkit/data/node';
import { MODALITIES } from '@vqkit/training';
import type { HarnessModality } from '../modality.ts';
import { writeReconstructions } from '../report/index.ts';

/** Pictures: PNG and JPEG, IDX files and MNIST; shown as a PNG of originals above reconstructions. */
export const image: HarnessModality = {
  ...MODALITIES.image,
  data: DATA_NAMES,
  read: loadDataset,
  notes: dataNotes,
  show: writeReconstructions,
};
