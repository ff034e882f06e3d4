import { image } from './modalities/image.ts';
import type { Modality } from './modality.ts';

/** The kinds of data that there are. */
export type ModalityName = 'image';

/** Every kind of data by name. */
export const MODALITIES: Readonly<Record<ModalityName, Modality>> = { image };
