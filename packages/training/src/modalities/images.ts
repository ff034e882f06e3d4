import { ShapeError } from '@vqkit/core-tensor';
import { imageTensors } from '@vqkit/tokenizer';
import type { Discriminator, DiscriminatorOptions } from '../discriminators/discriminator.ts';
import { createPatchDiscriminator, patchLayersFor } from '../discriminators/patch.ts';
import type { Modality } from '../modality.ts';
import { createImageMeter } from './image-quality.ts';
import { imageLoss } from './loss.ts';

/** Pictures in [-1, 1], channels last. */
export const imageModality: Modality = {
  ...imageTensors,
  loss: imageLoss,
  createMeter: createImageMeter,
  createDiscriminator: createImageDiscriminator,
};

function createImageDiscriminator({ shape, filters, seed }: DiscriminatorOptions): Discriminator {
  const [height = 0, width = 0, channels = 1] = shape;
  const layers = patchLayersFor(height, width);
  if (layers === 0) {
    const fix = 'Use larger images, or no discriminator.';
    throw new ShapeError('createDiscriminator', 'shape', 'be of 6 × 6 pixels or more', [height, width], fix);
  }
  return createPatchDiscriminator({ channels, layers, filters, seed });
}
