import { createImageTokenizer, type ImageTokenizer, type ImageTokenizerOptions } from '@vqkit/tokenizer';
import type { TrainConfig } from './config.ts';

/** The part of a configuration that decides the model. */
export type ModelConfig = Pick<TrainConfig, 'quantizer' | 'quantizerOptions' | 'widths' | 'normGroups' | 'seed'>;

/** The options of the tokenizer that a configuration describes. */
export function modelOptions(config: ModelConfig, channels: number): ImageTokenizerOptions {
  const { quantizer, quantizerOptions, widths, normGroups, seed } = config;
  return { quantizer, quantizerOptions, widths, normGroups, channels, seed };
}

/** The tokenizer to train, its weights random. */
export function createModel(config: ModelConfig, channels: number): ImageTokenizer {
  return createImageTokenizer(modelOptions(config, channels));
}
