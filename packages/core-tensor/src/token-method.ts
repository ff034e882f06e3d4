import type { Rank, Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { ParameterSet } from './parameters.ts';
import type { Rng } from './rng.ts';
import type { DataFormat } from './token-options.ts';
import type { TrainingState } from './training-state.ts';

/** What a call of `quantize` may say. */
export interface QuantizeOptions {
  /**
   * Computes the losses, and adds noise where an option asks for any. Default false. Apart from such noise the quantized values do not
   * depend on it.
   */
  readonly training?: boolean;
  /**
   * One value per token (bool, int32 or float32), shape of z without its feature axis; zero or false marks padding. Padded tokens take
   * part in no statistic, get index -1 and pass through unchanged, with a gradient of 1, whatever they hold.
   */
  readonly mask?: Tensor | undefined;
  /** Training step, a number >= 0, for options that are schedules. */
  readonly step?: number | undefined;
  /**
   * Where the gradient of `quantized` goes: to z and the variables, or to the variables alone, as if z were a constant. A stack that counts
   * as one rounding asks the latter of its layers. The losses always reach both. Default `all`.
   */
  readonly outputGradient?: 'all' | 'variables' | undefined;
}

/** What one call of `quantize` means for its N tokens. */
export interface TokenCall<Call extends QuantizeOptions> {
  readonly training: boolean;
  /** What `quantized` has its gradient to: the tokens themselves, or a constant of their values (`outputGradient`). */
  readonly output: Tensor2D;
  /** N weights of 0 (padding) or 1; undefined when every token counts. */
  readonly weights: Tensor1D | undefined;
  readonly options: Call;
}

/** What a method gives for N tokens. */
export interface TokenResult<LossName extends string> {
  /** [N, dim], with a gradient to the call's `output`. */
  readonly quantized: Tensor2D;
  /** [N, numCodebooks] int32, or [N] where there is one codebook. */
  readonly indices: Tensor<Rank.R1 | Rank.R2>;
  /** Only when training. */
  readonly loss?: Scalar;
  readonly losses?: Readonly<Record<LossName, Scalar>>;
}

/** The part of a quantizer that is its own: mathematics on [N, dim] tokens. `createQuantizer` adds the rest. */
export interface TokenMethod<Config, LossName extends string, Call extends QuantizeOptions> {
  readonly kind: string;
  /** Name of the constructor, for errors. */
  readonly where: string;
  readonly config: Readonly<Config>;
  readonly dim: number;
  readonly codebookSize: number;
  readonly numCodebooks: number;
  /** Whether indices keep a trailing codebook axis. */
  readonly keepNumCodebooksDim: boolean;
  readonly dataFormat: DataFormat;
  readonly rng: Rng;
  readonly lossNames: readonly LossName[];
  readonly parameters: ParameterSet;
  /** Default nothing. */
  readonly trainingState?: TrainingState | undefined;
  /** Keys that `quantize`'s options may have beside training, mask and step. */
  readonly callOptions?: readonly string[];
  /** Gets N >= 1 tokens; padded tokens come as zeros, with weight 0. Runs inside `tf.tidy`. */
  quantizeTokens(tokens: Tensor2D, call: TokenCall<Call>): TokenResult<LossName>;
  /** [N, dim] → the indices as in {@link TokenResult}. */
  encodeTokens(tokens: Tensor2D): Tensor<Rank.R1 | Rank.R2>;
  /** int32 [N, numCodebooks], every index in range → [N, dim]. */
  decodeTokens(indices: Tensor2D): Tensor2D;
  /** As in `Quantizer`, if there is one. */
  codebook?(): Tensor2D;
  /** As in `Quantizer`, if there is one. */
  readonly toCodeSpace?: ((z: Tensor) => Tensor) | undefined;
  /** As in `Quantizer`, if features are bounded, of [N, dim]. */
  shareOfLimit?(tokens: Tensor2D): Tensor2D;
  /** Anything beside the parameters that must be freed. */
  disposeExtra?(): void;
}
