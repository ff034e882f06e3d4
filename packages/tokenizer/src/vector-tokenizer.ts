import type { Tensor2D } from '@tensorflow/tfjs-core';
import { checkConfig, resolveOptions, type VectorTokenizerConfig, type VectorTokenizerOptions } from './config.ts';
import { buildTokenizer, type Tokenizer } from './tokenizer.ts';

/**
 * Vectors to token ids and back: vectors are float32 [batch, features], ids [batch], or [batch, numCodebooks] where a vector has several.
 *
 * Every method but `dispose` throws DisposedError after `dispose()`; OptionError, DtypeError or ShapeError for bad arguments.
 */
export type VectorTokenizer = Tokenizer<Tensor2D, VectorTokenizerConfig>;

/**
 * A new tokenizer of vectors, such as embeddings of items: linear layers (`architectures/mlp.ts`), or none at all, around a quantizer. With a
 * residual quantizer it is the RQ-VAE of semantic ids. Its weights are random, a function of the seed. Start an engine first.
 *
 * @throws OptionError when an option of the tokenizer or of the quantizer breaks its rule.
 * @example
 * const tokenizer = createVectorTokenizer({ quantizer: 'residual-vq', features: 64, hidden: [128, 64] });
 * const ids = tokenizer.encode(tf.zeros([10, 64])); // [10, 4]
 */
export function createVectorTokenizer(options: VectorTokenizerOptions): VectorTokenizer {
  const maker = 'createVectorTokenizer';
  return build(maker, resolveOptions(maker, { ...options, architecture: options.architecture ?? 'mlp' }));
}

/**
 * A new tokenizer of the same description as another, its `config`; no recipe is asked, as in {@link recreateImageTokenizer}.
 *
 * @param maker the function that was called, for errors.
 * @throws OptionError when the description is not whole or breaks a rule.
 * @example
 * const { config } = createVectorTokenizer({ quantizer: 'fsq', features: 8 });
 * const twin = recreateVectorTokenizer(JSON.parse(JSON.stringify(config)));
 */
export function recreateVectorTokenizer(
  config: VectorTokenizerConfig,
  maker = 'recreateVectorTokenizer',
): VectorTokenizer {
  checkConfig(maker, config);
  return build(maker, config);
}

function build(maker: string, described: VectorTokenizerConfig): VectorTokenizer {
  const { idAxes, multiple, ...tokenizer } = buildTokenizer<Tensor2D, VectorTokenizerConfig>(maker, described);
  return tokenizer;
}
