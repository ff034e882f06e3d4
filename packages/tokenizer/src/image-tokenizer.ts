import type { Tensor4D } from '@tensorflow/tfjs-core';
import { requireMultiple } from './check.ts';
import { checkConfig, type ImageTokenizerConfig, type ImageTokenizerOptions, resolveOptions } from './config.ts';
import { buildTokenizer, type Tokenizer, type TokenizerResult } from './tokenizer.ts';

/** What one pass through an image tokenizer gives, see {@link TokenizerResult}. */
export type ImageTokenizerResult = TokenizerResult<Tensor4D>;

/**
 * Images to token ids and back: a convolutional encoder, a quantizer and a decoder. Images are float32
 * [batch, height, width, channels] in [-1, 1], of any height and width that are multiples of `imageMultiple`; decoded ones are clamped to [-1, 1]. Ids are
 * [batch, …tokenShape].
 *
 * Every method but `dispose` throws DisposedError after `dispose()`; OptionError, DtypeError or ShapeError for bad arguments.
 */
export interface ImageTokenizer extends Tokenizer<Tensor4D, ImageTokenizerConfig> {
  /** Pixels of a token's side, 2^(number of widths); heights and widths of images are multiples of it. */
  readonly imageMultiple: number;
  /** Shape of the ids of one image: [rows, columns], and numCodebooks where a token has several ids. */
  tokenShape(height: number, width: number): number[];
  /** rows · columns: (height / imageMultiple) · (width / imageMultiple). */
  tokensPerImage(height: number, width: number): number;
}

/**
 * A new image tokenizer: around a quantizer the autoencoder of the reference library's examples (`architectures/conv.ts`), or VQGAN's residual one
 * (`architectures/resnet.ts`).
 *
 * Its weights are random, a function of the seed. Start an engine first.
 *
 * @throws OptionError when an option of the tokenizer or of the quantizer breaks its rule.
 * @example
 * const tokenizer = createImageTokenizer({ quantizer: 'fsq', quantizerOptions: { levels: [8, 5, 5] }, channels: 3 });
 * const ids = tokenizer.encode(tf.zeros([1, 32, 32, 3])); // [1, 8, 8]
 */
export function createImageTokenizer(options: ImageTokenizerOptions): ImageTokenizer {
  const maker = 'createImageTokenizer';
  return build(maker, resolveOptions(maker, options));
}

/**
 * A new tokenizer of the same description as another, its `config`. The recipe of the quantizer is not asked, so that what a file or a
 * run says holds for good, whatever a later version's recipe is.
 *
 * @param maker the function that was called, for errors.
 * @throws OptionError when the description is not whole or breaks a rule.
 * @example
 * const tokenizer = createImageTokenizer({ quantizer: 'fsq' });
 * const twin = recreateImageTokenizer(JSON.parse(JSON.stringify(tokenizer.config)));
 */
export function recreateImageTokenizer(config: ImageTokenizerConfig, maker = 'recreateImageTokenizer'): ImageTokenizer {
  checkConfig(maker, config);
  return build(maker, config);
}

function build(maker: string, described: ImageTokenizerConfig): ImageTokenizer {
  const { idAxes, multiple, ...tokenizer } = buildTokenizer<Tensor4D, ImageTokenizerConfig>(maker, described);
  const grid = (call: string, height: number, width: number): [rows: number, columns: number] => {
    requireMultiple(`${maker}().${call}`, 'height', height, multiple);
    requireMultiple(`${maker}().${call}`, 'width', width, multiple);
    return [height / multiple, width / multiple];
  };
  return {
    ...tokenizer,
    imageMultiple: multiple,
    tokenShape: (height, width) => [...grid('tokenShape', height, width), ...idAxes],
    tokensPerImage(height, width) {
      const [rows, columns] = grid('tokensPerImage', height, width);
      return rows * columns;
    },
  };
}
