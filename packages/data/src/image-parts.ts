import type { SkippedImage } from './decode-pictures.ts';
import type { Images } from './images.ts';

/** The images of a source, part by part. */
export interface ImageParts {
  readonly train: Images;
  /** Of pictures: where each lies. */
  readonly files?: readonly string[];
  /** Missing when the data have no such part of their own. */
  readonly validation?: Images;
  readonly test?: Images;
  readonly skipped: readonly SkippedImage[];
}
