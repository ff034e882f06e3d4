import type { Images } from '@vqkit/data';
import {
  createImageTokenizer,
  type ImageTokenizer,
  type ImageTokenizerConfig,
  recreateImageTokenizer,
} from '@vqkit/tokenizer';
import type { ImageConfig } from './train-options.ts';

type ConvTokenizerConfig = Extract<ImageTokenizerConfig, { readonly normGroups: number }>;

/** The part of a configuration that decides the model. */
export type ModelConfig = Pick<ImageConfig, 'quantizer' | 'quantizerOptions' | 'widths' | 'normGroups' | 'seed'>;

/** The images that a model is made for; those of a test may leave their size open. */
export type ModelImages = Pick<Images, 'channels'> & Partial<Pick<Images, 'height' | 'width'>>;

/** The tokenizer to train, its weights random. */
export function createModel(config: ModelConfig, images: ModelImages): ImageTokenizer {
  return createImageTokenizer(tokenizerOptions(config, images));
}

/** The tokenizer of a run that was begun before: of its whole configuration, whatever today's recipe of the quantizer is. */
export function recreateModel(config: ModelConfig, images: ModelImages): ImageTokenizer {
  const { normGroups = 0, ...options } = tokenizerOptions(config, images);
  return recreateImageTokenizer({ ...options, normGroups });
}

function tokenizerOptions(
  { quantizer, quantizerOptions, widths, normGroups, seed }: ModelConfig,
  { channels, height, width }: ModelImages,
): Omit<ConvTokenizerConfig, 'normGroups'> & Pick<ModelConfig, 'normGroups'> {
  const size = height === undefined || width === undefined ? {} : { imageSize: [height, width] as const };
  return { quantizer, quantizerOptions, widths, normGroups, channels, ...size, seed };
}
