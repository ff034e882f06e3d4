import {
  type Rank,
  reshape,
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
  type Variable,
  zeros,
} from '@tensorflow/tfjs-core';
import { detach, zerosFrom } from './autodiff.ts';
import { requireAlive, requireBoolean, requireKnownOptions, requireOneOf, requireOption } from './check.ts';
import { decodeAny, decodeInPieces } from './decode-any.ts';
import { selectRows } from './kernels/select-rows.ts';
import { layoutOf, maskWeights, tokenLayout } from './layout.ts';
import { requireOnEngine } from './on-engine.ts';
import { realRows, withoutPadding } from './padding.ts';
import { countParameters } from './parameter-limit.ts';
import type { ParameterSet } from './parameters.ts';
import type { Rng } from './rng.ts';
import { requireRoom, tidyOf } from './room.ts';
import { finishIndices, indexTokenShape } from './token-indices.ts';
import type { DataFormat } from './token-options.ts';
import { nothingGathered, requireRecord, type TrainingState } from './training-state.ts';

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

/** What `quantize` returns. The caller disposes the tensors (or runs inside `tf.tidy`). */
export type QuantizeResult<LossName extends string> = {
  /** Shape of z; the exact codes, with a gradient to z. */
  readonly quantized: Tensor;
  /** int32, shape of the tokens, with a trailing codebook axis when there are several codebooks. */
  readonly indices: Tensor;
  /** The weighted sum that training minimises. 0 unless training. */
  readonly loss: Scalar;
  /** The named parts, unweighted. 0 unless training. */
  readonly losses: Readonly<Record<LossName, Scalar>>;
};

/**
 * The contract that every quantizer of vqkit fulfils.
 *
 * Every method but `dispose` throws DisposedError after `dispose()`; OptionError, DtypeError or ShapeError for bad arguments. Nothing
 * reads data: NaN, infinities and indices out of range have the documented behaviour of each method (see `assertFinite` and
 * `assertIndices`).
 */
export interface Quantizer<
  Config = unknown,
  LossName extends string = string,
  Call extends QuantizeOptions = QuantizeOptions,
> {
  /** The field's name of the method, such as `LFQ`. */
  readonly kind: string;
  /** The full configuration, defaults filled in: plain data. */
  readonly config: Readonly<Config>;
  /** Size of the feature axis of z. */
  readonly dim: number;
  /** Number of codes of one codebook; indices are in [0, codebookSize). */
  readonly codebookSize: number;
  /** Codebooks per token. */
  readonly numCodebooks: number;
  /** The generator behind initialisation and noise; a trainer stores its state to resume exactly. */
  readonly rng: Rng;
  /**
   * Quantizes z and keeps the gradient to z and to the variables.
   *
   * @param z float32, any rank >= 2, [batch, …, dim] (channelsLast) or [batch, dim, …] (channelsFirst). No tokens at all is fine.
   */
  quantize(z: Tensor, options?: Call): QuantizeResult<LossName>;
  /** The int32 indices of z, the same as `quantize(z, options).indices`, by the fastest path; a constant to the gradient tape. */
  encode(z: Tensor, options?: Pick<QuantizeOptions, 'mask'>): Tensor;
  /**
   * The codes of int32 indices, [batch, …] with the codebook axis where `encode` gives one: equals `quantized` bit for bit. A token
   * whose indices are all -1 (padding) gives zeros; any other index out of range gives NaN in the whole token, never a wrong code
   * (check with `assertIndices`). Differentiable in the variables.
   */
  decode(indices: Tensor): Tensor;
  /**
   * Only where `decode` copies the rows of one table: that table, [codebookSize, dim], as it is now. A constant to gradients, which stays
   * the quantizer's: read it or compute with it, but neither dispose it nor keep it beyond the next change of the codes.
   */
  codebook?(): Tensor2D;
  /**
   * Only where the code of a token is the one nearest to it in some space that has no parameters: z there, of the same shape, channels last.
   * It is `sameSpace` where that is z itself; absent behind projections.
   */
  readonly toCodeSpace?: ((z: Tensor) => Tensor) | undefined;
  /** The trainable variables by state-dict name. */
  variables(): Record<string, Variable>;
  /** Copies of all parameters under the reference library's names and layouts. The caller disposes them. */
  stateDict(): Record<string, Tensor>;
  /**
   * Copies values in, and forgets what training has gathered (see `trainingState`). Keys, shapes and dtypes must match exactly; nothing
   * is changed when they do not.
   */
  loadStateDict(tensors: Readonly<Record<string, Tensor>>): void;
  /**
   * What training has gathered beside the state dict, such as the tokens that k-means still waits for; nothing for most methods and most
   * of the time. With the state dict and `rng.state()` it makes a resumed training equal bit for bit. Copies; the caller disposes them.
   */
  trainingState(): Record<string, Tensor>;
  /** Takes what `trainingState` gave, after `loadStateDict`. Nothing is changed when it does not fit. */
  loadTrainingState(tensors: Readonly<Record<string, Tensor>>): void;
  /** Frees the variables. Later calls throw DisposedError; a second `dispose` does nothing. */
  dispose(): void;
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

/** The part of a quantizer that is its own: mathematics on [N, dim] tokens. {@link createQuantizer} adds the rest. */
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
  /** As in {@link Quantizer}, if there is one. */
  codebook?(): Tensor2D;
  /** As in {@link Quantizer}, if there is one. */
  readonly toCodeSpace?: ((z: Tensor) => Tensor) | undefined;
  /** Anything beside the parameters that must be freed. */
  disposeExtra?(): void;
}

/**
 * Makes the full contract from a method on tokens: layouts, masks, empty input, checks, memory and disposal, once for all.
 *
 * @param method owned by the quantizer from now on: `dispose` frees its parameters.
 * @example
 * const bits = (x: Tensor2D): Tensor2D => tf.cast(tf.greater(x, 0), 'int32');
 * const codes = (bit: Tensor2D): Tensor2D => tf.sub(tf.mul(tf.cast(bit, 'float32'), 2), 1);
 * const oneBit = createQuantizer({
 *   kind: 'OneBit',
 *   where: 'createOneBit',
 *   config: {},
 *   dim: 1,
 *   codebookSize: 2,
 *   numCodebooks: 1,
 *   keepNumCodebooksDim: false,
 *   dataFormat: 'channelsLast',
 *   rng: createRng(0),
 *   lossNames: [],
 *   parameters: createParameterSet('createOneBit', []),
 *   quantizeTokens: (x, { output }) => ({ quantized: straightThrough(output, codes(bits(x))), indices: bits(x) }),
 *   encodeTokens: bits,
 *   decodeTokens: codes,
 * });
 * oneBit.encode(tf.tensor2d([[0.5], [-2]])); // [1, 0]
 */
export function createQuantizer<Config, LossName extends string, Call extends QuantizeOptions = QuantizeOptions>(
  method: TokenMethod<Config, LossName, Call>,
): Quantizer<Config, LossName, Call> {
  const { kind, where, config, dim, codebookSize, numCodebooks, keepNumCodebooksDim, dataFormat, rng, parameters } =
    method;
  countParameters();
  const indexAxes = keepNumCodebooksDim ? [numCodebooks] : [];
  const known = ['training', 'mask', 'step', 'outputGradient', ...(method.callOptions ?? [])];
  let disposed = false;

  const alive = (call: string): string => {
    const name = `${where}().${call}`;
    requireAlive(disposed, name, 'the quantizer', kind);
    for (const owned of parameters.all?.() ?? Object.values(parameters.variables())) {
      requireOnEngine(name, 'the variables', owned, MOVING);
    }
    return name;
  };
  const codebook = method.codebook?.bind(method);
  // Zero as a function of all that a loss depends on: constants have no gradient.
  const zeroLoss = (z: Tensor): Scalar => zerosFrom([], [z, ...Object.values(parameters.variables())]) as Scalar;
  const zeroLosses = (z: Tensor): Record<LossName, Scalar> =>
    Object.fromEntries(method.lossNames.map((name) => [name, zeroLoss(z)])) as Record<LossName, Scalar>;

  return {
    kind,
    config,
    dim,
    codebookSize,
    numCodebooks,
    rng,

    quantize(z, options = {} as Call) {
      const name = alive('quantize');
      requireKnownOptions(name, options, known);
      const { training = false, mask, step = 0, outputGradient = 'all' } = options;
      requireBoolean(name, 'training', training);
      requireOption(
        Number.isFinite(step) && step >= 0,
        name,
        'step',
        'a finite number >= 0',
        step,
        'Pass the number of the training step.',
      );
      requireOneOf(name, 'outputGradient', outputGradient, ['all', 'variables']);
      const layout = tokenLayout(name, z, dim, dataFormat);
      return tidyOf(name, 'z', z, () => {
        const weights = mask === undefined ? undefined : maskWeights(name, mask, layout.tokenShape);
        if (z.size === 0) {
          const indices = zeros([...layout.tokenShape, ...indexAxes], 'int32');
          return { quantized: z.clone(), indices, loss: zeroLoss(z), losses: zeroLosses(z) };
        }
        const tokens = layout.toTokens(z);
        const real = weights === undefined ? undefined : realRows(weights);
        const own = withoutPadding(tokens, real);
        const constant = outputGradient === 'variables';
        const call = { training, output: constant ? detach(own) : own, weights, options };
        const result = method.quantizeTokens(own, call);
        const padding = constant ? detach(tokens) : tokens;
        const quantized = real === undefined ? result.quantized : selectRows(real, result.quantized, padding);
        const codes = layout.fromTokens(quantized);
        return {
          // The caller disposes what it gets, which must not be what it gave.
          quantized: codes === z ? z.clone() : codes,
          indices: finishIndices(result.indices, real, layout.tokenShape, indexAxes),
          loss: result.loss ?? zeroLoss(z),
          losses: result.losses ?? zeroLosses(z),
        };
      });
    },

    encode(z, options = {}) {
      const name = alive('encode');
      requireKnownOptions(name, options, ['mask']);
      const { mask } = options;
      const layout = tokenLayout(name, z, dim, dataFormat);
      return tidyOf(name, 'z', z, () => {
        const weights = mask === undefined ? undefined : maskWeights(name, mask, layout.tokenShape);
        if (z.size === 0) return zeros([...layout.tokenShape, ...indexAxes], 'int32');
        const real = weights === undefined ? undefined : realRows(weights);
        const indices = method.encodeTokens(withoutPadding(layout.toTokens(z), real));
        return finishIndices(indices, real, layout.tokenShape, indexAxes);
      });
    },

    decode(indices) {
      const name = alive('decode');
      const tokenShape = indexTokenShape(name, indices, indexAxes);
      const layout = layoutOf(tokenShape, dim, dataFormat);
      requireRoom(name, 'the codes', [...tokenShape, dim]);
      return tidyOf(name, 'indices', indices, () => {
        const flat = reshape(indices, [indices.size / numCodebooks, numCodebooks]) as Tensor2D;
        const decode = (own: Tensor2D): Tensor2D => decodeAny(own, codebookSize, (known) => method.decodeTokens(known));
        return layout.fromTokens(decodeInPieces(flat, dim, Object.values(parameters.variables()), decode));
      });
    },

    ...(codebook && {
      codebook() {
        alive('codebook');
        return codebook();
      },
    }),

    ...(method.toCodeSpace && { toCodeSpace: method.toCodeSpace }),

    variables() {
      alive('variables');
      return parameters.variables();
    },
    stateDict() {
      alive('stateDict');
      // All of it or, where an engine has no memory for that, nothing.
      return tidy(() => parameters.stateDict());
    },
    loadStateDict(tensors) {
      alive('loadStateDict');
      parameters.loadStateDict(tensors);
    },
    trainingState() {
      alive('trainingState');
      return method.trainingState?.get() ?? {};
    },
    loadTrainingState(tensors) {
      const name = alive('loadTrainingState');
      requireRecord(name, tensors);
      (method.trainingState ?? nothingGathered(name)).set(tensors);
    },
    dispose() {
      if (disposed) return;
      disposed = true;
      parameters.dispose();
      method.disposeExtra?.();
    },
  };
}

const MOVING =
  'Switch back, read stateDict() with await data(), and load it into a quantizer that is created after the switch.';
