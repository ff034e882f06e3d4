import type { Images } from '@vqkit/data';
import {
  createImageTokenizer,
  type ImageTokenizer,
  type ImageTokenizerConfig,
  type ImageTokenizerOptions,
  recreateImageTokenizer,
} from '@vqkit/tokenizer';
import { imageOptions } from './modalities/images/options.ts';
import type { ImageConfig } from './train-options.ts';

/** The part of a configuration that decides the model. */
export type ModelConfig = Pick<
  ImageConfig,
  'quantizer' | 'quantizerOptions' | 'widths' | 'normGroups' | 'blocks' | 'attention' | 'groups' | 'seed'
> &
  Partial<Pick<ImageConfig, 'arch'>>;

/** The images that a model is made for; those of a test may leave their size open. */
export type ModelImages = Pick<Images, 'channels'> & Partial<Pick<Images, 'height' | 'width'>>;

/** The tokenizer to train, its weights random. */
export function createModel(config: ModelConfig, images: ModelImages): ImageTokenizer {
  return createImageTokenizer(tokenizerOptions(config, images));
}

/** The tokenizer of a run that was begun before: of its whole configuration, whatever today's recipe of the quantizer is. */
export function recreateModel(config: ModelConfig, images: ModelImages): ImageTokenizer {
  return recreateImageTokenizer(tokenizerOptions({ normGroups: 0, ...config }, images) as ImageTokenizerConfig);
}

function tokenizerOptions(
  { arch = 'conv', quantizer, quantizerOptions, widths, seed, ...rest }: ModelConfig,
  { channels, height, width }: ModelImages,
): ImageTokenizerOptions {
  const own = Object.fromEntries(
    imageOptions.archs[arch].own.map((name) => [name, (rest as Partial<ImageConfig>)[name]]),
  );
  const size = height === undefined || width === undefined ? {} : { imageSize: [height, width] as const };
  return { architecture: arch, quantizer, quantizerOptions, widths, ...own, channels, ...size, seed };
}
