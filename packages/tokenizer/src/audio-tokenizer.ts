import type { Tensor3D } from '@tensorflow/tfjs-core';
import { requireMultiple } from './check.ts';
import { type AudioTokenizerConfig, type AudioTokenizerOptions, checkConfig, resolveOptions } from './config.ts';
import { buildTokenizer, type Tokenizer } from './tokenizer.ts';

/**
 * Sound to token ids and back: sound is float32 [batch, samples, channels] in [-1, 1], the samples a multiple of `hop`; decoded sound is clamped to [-1, 1]. Ids are
 * [batch, frames], or [batch, frames, numCodebooks] where a frame has several.
 *
 * Every method but `dispose` throws DisposedError after `dispose()`; OptionError, DtypeError or ShapeError for bad arguments.
 */
export interface AudioTokenizer extends Tokenizer<Tensor3D, AudioTokenizerConfig> {
  /** Samples of a token, the product of the strides. */
  readonly hop: number;
  /** bitsPerToken · sampleRate / hop. */
  readonly bitsPerSecond: number;
  /** Shape of the ids of one sound: [frames], and numCodebooks where a frame has several. */
  tokenShape(samples: number): number[];
}

/**
 * A new tokenizer of sound: around a quantizer the autoencoder of SoundStream's family (`architectures/seanet.ts`). Its weights are random, a function of the
 * seed. Start an engine first.
 *
 * @throws OptionError when an option of the tokenizer or of the quantizer breaks its rule.
 * @example
 * const tokenizer = createAudioTokenizer({ quantizer: 'vq', filters: 4, strides: [2, 4, 5, 8] });
 * const ids = tokenizer.encode(tf.zeros([1, 16000, 1])); // [1, 50]
 */
export function createAudioTokenizer(options: AudioTokenizerOptions): AudioTokenizer {
  const maker = 'createAudioTokenizer';
  return build(maker, resolveOptions(maker, { ...options, architecture: options.architecture ?? 'seanet' }));
}

/**
 * A new tokenizer of the same description as another, its `config`; no recipe is asked, as in {@link recreateImageTokenizer}.
 *
 * @param maker the function that was called, for errors.
 * @throws OptionError when the description is not whole or breaks a rule.
 * @example
 * const { config } = createAudioTokenizer({ quantizer: 'fsq', filters: 4 });
 * const twin = recreateAudioTokenizer(JSON.parse(JSON.stringify(config)));
 */
export function recreateAudioTokenizer(config: AudioTokenizerConfig, maker = 'recreateAudioTokenizer'): AudioTokenizer {
  checkConfig(maker, config);
  return build(maker, config);
}

function build(maker: string, described: AudioTokenizerConfig): AudioTokenizer {
  const { idAxes, multiple: hop, ...tokenizer } = buildTokenizer<Tensor3D, AudioTokenizerConfig>(maker, described);
  return {
    ...tokenizer,
    hop,
    bitsPerSecond: (tokenizer.bitsPerToken * described.sampleRate) / hop,
    tokenShape(samples) {
      requireMultiple(`${maker}().tokenShape`, 'samples', samples, hop);
      return [samples / hop, ...idAxes];
    },
  };
}
