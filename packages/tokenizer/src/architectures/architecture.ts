import type { Module, Scope } from '@vqkit/nn';
import type { QuantizerEntry } from '@vqkit/quantizers';
import type { DataTensor } from '../modalities/modality.ts';

/** The network around a quantizer, as two lists of modules that run one after the other. */
interface Autoencoder {
  /** Data → what the quantizer is given. */
  readonly encoder: readonly Module[];
  /** Codes → data. */
  readonly decoder: readonly Module[];
}

/**
 * A kind of network that a tokenizer may have, by `Own`, what its description says beside the quantizer and the seed: plain data.
 * One file each; {@link architectureEntry} finds them.
 */
export interface Architecture<Own extends object = object> {
  /** As a description has it, `conv`. */
  readonly name: string;
  /** What the data are, such as images [batch, height, width, channels]. */
  readonly modality: DataTensor;
  /** The names of its options. */
  readonly keys: readonly string[];
  /** The whole description from options, which may be wrong: {@link check} says so. */
  complete(where: string, options: Readonly<Partial<Own>>, quantizer: QuantizerEntry): Own;
  /** @throws OptionError unless the description is whole and makes sense. */
  check(where: string, own: Own): void;
  /** Width of the encoder's output before any projection to the quantizer's, for the quantizer's recipe. */
  latentWidth(own: Own): number;
  /** Channels or features of the data. */
  channels(own: Own): number;
  /** Places of the data along each axis that one token stands for. */
  multiple(own: Own): number;
  /** Makes the network, for a quantizer of vectors of `dim`; `ownWidth` says that the quantizer decides its width, see QuantizerEntry. */
  build(scope: Scope, own: Own, quantizer: { readonly dim: number; readonly ownWidth: boolean }): Autoencoder;
}
