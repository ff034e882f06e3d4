import { reshape, type Scalar, type Tensor, type Tensor2D, type Variable, zeros } from '@tensorflow/tfjs-core';
import { detach, zerosFrom } from './autodiff.ts';
import { requireAlive, requireBoolean, requireKnownOptions, requireOneOf, requireOption } from './check.ts';
import { decodeAny, decodeInPieces } from './decode-any.ts';
import { selectRows } from './kernels/select-rows.ts';
import { layoutOf, maskWeights, tokenLayout } from './layout.ts';
import { requireOnEngine } from './on-engine.ts';
import { realRows, withoutPadding } from './padding.ts';
import { countParameters } from './parameter-limit.ts';
import { stateWhileAlive } from './parameters.ts';
import type { Rng } from './rng.ts';
import { requireRoom, tidyOf } from './room.ts';
import { finishIndices, indexTokenShape } from './token-indices.ts';
import type { QuantizeOptions, TokenMethod } from './token-method.ts';
import { nothingGathered, requireRecord } from './training-state.ts';

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
  /**
   * Only where features are bounded before they are rounded: each as a share of its limit, from -1 to 1, [N · numCodebooks, features of a code].
   * At ±1 the gradient of the bound is gone. The caller disposes it.
   */
  shareOfLimit?(z: Tensor): Tensor2D;
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
  const shareOfLimit = method.shareOfLimit?.bind(method);
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

    ...(shareOfLimit && {
      shareOfLimit(z: Tensor) {
        const name = alive('shareOfLimit');
        const layout = tokenLayout(name, z, dim, dataFormat);
        return tidyOf(name, 'z', z, () => shareOfLimit(layout.toTokens(z)));
      },
    }),

    ...stateWhileAlive(parameters, alive),
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
