import {
  createImageTokenizer,
  type ImageTokenizer,
  type ImageTokenizerConfig,
  recreateImageTokenizer,
} from '@vqkit/tokenizer';
import type { TrainConfig } from './config.ts';

/** The part of a configuration that decides the model. */
export type ModelConfig = Pick<TrainConfig, 'quantizer' | 'quantizerOptions' | 'widths' | 'normGroups' | 'seed'>;

/** The tokenizer to train, its weights random. */
export function createModel(config: ModelConfig, channels: number): ImageTokenizer {
  return createImageTokenizer(tokenizerOptions(config, channels));
}

/** The tokenizer of a run that was begun before: of its whole configuration, whatever today's recipe of the quantizer is. */
export function recreateModel(config: ModelConfig, channels: number): ImageTokenizer {
  const { normGroups = 0, ...options } = tokenizerOptions(config, channels);
  return recreateImageTokenizer({ ...options, normGroups });
}

function tokenizerOptions(
  { quantizer, quantizerOptions, widths, normGroups, seed }: ModelConfig,
  channels: number,
): Omit<ImageTokenizerConfig, 'normGroups'> & Pick<ModelConfig, 'normGroups'> {
  return { quantizer, quantizerOptions, widths, normGroups, channels, seed };
}
