import type { DataName } from '@vqkit/data/node';
import type { ModalityName } from '@vqkit/training';
import { image } from './modalities/image.ts';
import type { HarnessModality } from './modality.ts';

const ALL: Readonly<Record<ModalityName, HarnessModality>> = { image };

/** The kind that data are of: all that the harness asks about it. */
export function modalityOf(data: DataName): HarnessModality {
  return Object.values(ALL).find((modality) => modality.data.includes(data)) ?? ALL.image;
}
