import { architectureEntry } from './architectures/registry.ts';
import { architectureOf, type ImageTokenizerConfig, type TokenizerConfig } from './config.ts';

/** Sides of images for which a description names none: so many tokens. */
const TOKENS = 8;

/**
 * Shape of one example of a tokenizer's data, channels last: of the size that it was trained on, else of 8 tokens along each axis.
 *
 * @example
 * const { config } = createImageTokenizer({ quantizer: 'fsq', channels: 3 });
 * exampleShape(config); // [1, 32, 32, 3]
 */
export function exampleShape(config: TokenizerConfig): number[] {
  const network = architectureEntry(architectureOf(config), 'exampleShape');
  const channels = network.channels(config);
  const side = TOKENS * network.multiple(config);
  const [height, width] = (config as ImageTokenizerConfig).imageSize ?? [side, side];
  return [1, ...network.modality.exampleShape(channels, [height, width])];
}
