import { audio } from './modalities/audio.ts';
import { images } from './modalities/images.ts';
import { vectors } from './modalities/vectors.ts';
import type { HarnessModality } from './modality.ts';

/** Every kind of data. Nothing else lists them, and nothing else asks which one data are of. */
export const MODALITIES: readonly HarnessModality[] = [images, vectors, audio] as unknown as readonly HarnessModality[];

/** The kind that a value of the option `data` is of; of a name that this version does not know, images. */
export function modalityOf(data: string): HarnessModality {
  return MODALITIES.find((modality) => modality.data.some((name) => name === data)) ?? (images as HarnessModality);
}
