import { reshape, tidy } from '@tensorflow/tfjs-core';
import {
  createRng,
  requireBoolean,
  requireInteger,
  requireKnownOptions,
  requireOption,
  requirePositive,
  softClamp,
} from '@vqkit/core-tensor';
import { createFsq, type FsqOptions, fsqAttrs } from '@vqkit/fsq';
import { createProjections, type Frame } from './frame.ts';
import { fusedFsq } from './fused.ts';
import { requireLayers } from './layer-count.ts';
import { createStack, type Residual } from './stack.ts';
import { layerSeed, pick, resolveStack, STACK_OPTIONS, type StackOptions } from './stack-options.ts';

const WHERE = 'createResidualFsq';

/** The options of FSQ that every layer takes as they are. */
type LayerOption = 'noiseDropout' | 'orthogonalRotation';

const LAYER_OPTIONS: readonly LayerOption[] = ['noiseDropout', 'orthogonalRotation'];
const OWN_OPTIONS = ['levels', 'numQuantizers', 'dim', 'boundHardClamp', 'softClampInputValue'] as const;

export interface ResidualFsqOptions extends StackOptions, Pick<FsqOptions, LayerOption> {
  /** Levels L_i of each code dimension, the same in every layer: integers >= 2 whose product K is at most 2^31 - 1. */
  readonly levels: readonly number[];
  /** Number of layers Q. */
  readonly numQuantizers: number;
  /** Size of the feature axis. Default `levels.length`; linear projections around the stack are added when it differs. */
  readonly dim?: number;
  /**
   * Bounds the features once, before the first layer, to the range that the codes tile, so that every layer makes the error L times as
   * small; false: every layer bounds what it sees by tanh, as the reference library did once, and the error does not shrink. Default true.
   */
  readonly boundHardClamp?: boolean;
  /**
   * v, one number or one per code dimension: features become v tanh(x / v) before the first layer. Default null: L/(L - 1) with
   * `boundHardClamp`, where it may not be given, else off.
   */
  readonly softClampInputValue?: number | readonly number[] | null;
}

/** {@link ResidualFsqOptions} with every default filled in: plain data. */
export type ResidualFsqConfig = Required<ResidualFsqOptions>;

export type ResidualFsq = Residual<ResidualFsqConfig>;

/**
 * Residual finite scalar quantization: Q layers of FSQ, each on a grid L times as fine as the one before, so that every feature is
 * written in base L, one digit a layer.
 *
 * `x ← v tanh(x / v)` with v = L/(L - 1), then `createResidual` over `createFsq({ levels, preserveSymmetry: true, bound: 'hardClamp' })`
 * with the scales `s_j = L^-j` per feature. The L codes of one layer tile [-v, v] into cells of half-width 1/(L - 1), and what is
 * left over within a cell, divided by the next scale, fills [-v, v] again: the error is at most `(1/(L - 1)) · L^-(Q-1)`.
 *
 * - Shapes, indices, gradient, dropout, decoding: as `createResidual`; one column of indices per layer, in [0, Π L_i). No losses.
 * - Noise (`noiseDropout`, training only): what a layer adds, the layers after it see; their indices are then those of the noisy
 *   code, as in the reference library.
 * - Ties, NaN, infinity: as `createFsq`; the bound makes ±v of ±Infinity.
 *
 * Differs from vector-quantize-pytorch: image layouts decode; rotated layers decode to what was quantized; with
 * `orthogonalRotation` and different levels nothing is printed; and what `createResidual` and `createFsq` say. Its models from before
 * version 1.26.0 have the scales (L - 1)^-j: use `createResidual` with those `scales`.
 *
 * @throws OptionError when an option breaks its rule.
 * @example
 * const rfsq = createResidualFsq({ levels: [8, 5, 5], numQuantizers: 4 });
 * const { quantized, indices } = rfsq.quantize(tf.randomNormal([2, 49, 3])); // [2, 49, 3] and int32 [2, 49, 4]
 */
export function createResidualFsq(options: ResidualFsqOptions): ResidualFsq {
  requireKnownOptions(WHERE, options, [...LAYER_OPTIONS, ...OWN_OPTIONS, ...STACK_OPTIONS]);
  const { levels, numQuantizers, boundHardClamp = true } = options;
  requireLayers(WHERE, numQuantizers);
  requireBoolean(WHERE, 'boundHardClamp', boundHardClamp);
  const stack = resolveStack(WHERE, options, numQuantizers);

  const layers = Array.from({ length: numQuantizers }, (_, j) =>
    createFsq({
      ...pick(options, LAYER_OPTIONS),
      levels,
      preserveSymmetry: true,
      boundHardClamp,
      seed: layerSeed(stack.seed, j),
    }),
  );
  const first = layers[0] as (typeof layers)[number];
  const { dim = first.dim } = options;
  requireInteger(WHERE, 'dim', dim, 1);
  const softClampInputValue = softClampOf(options, boundHardClamp);
  const bound = boundHardClamp ? levels.map((count) => count / (count - 1)) : softClampInputValue;
  const projections = createProjections(dim, first.dim, createRng(stack.seed));
  const config: ResidualFsqConfig = {
    ...pick(first.config, LAYER_OPTIONS),
    ...stack,
    levels: [...levels],
    numQuantizers,
    dim,
    boundHardClamp,
    softClampInputValue,
  };
  const scales = layers.map((_, j) => levels.map((count) => count ** -j));
  const atScaleOne = fsqAttrs(levels, first.config);
  return createStack({
    kind: 'ResidualFSQ',
    where: WHERE,
    config,
    layers,
    scales,
    ...(!config.orthogonalRotation && { fused: fusedFsq(atScaleOne, scales, config.noiseDropout === 0) }),
    frame: bound === null ? projections : bounded(projections, bound),
  });
}

function softClampOf(
  { levels, softClampInputValue = null }: ResidualFsqOptions,
  boundHardClamp: boolean,
): number | readonly number[] | null {
  if (softClampInputValue === null) return null;
  const fix = 'Leave it out: the bound is L/(L - 1), the range that the codes tile. Or pass boundHardClamp: false.';
  requireOption(!boundHardClamp, WHERE, 'softClampInputValue', 'null with boundHardClamp', softClampInputValue, fix);
  if (typeof softClampInputValue === 'number') {
    requirePositive(WHERE, 'softClampInputValue', softClampInputValue);
    return softClampInputValue;
  }
  const rule = `a number > 0 or a list of ${levels.length}, one per code dimension`;
  const holds = Array.isArray(softClampInputValue) && softClampInputValue.length === levels.length;
  requireOption(holds, WHERE, 'softClampInputValue', rule, softClampInputValue, 'Pass one number.');
  for (const [i, value] of softClampInputValue.entries()) requirePositive(WHERE, `softClampInputValue[${i}]`, value);
  return [...softClampInputValue];
}

/** v tanh(x / v) between the projection and the first layer. */
function bounded(frame: Frame, v: number | readonly number[]): Frame {
  const limits = typeof v === 'number' ? [v] : v;
  const { dim, toCodeSpace } = frame;
  return {
    ...frame,
    softClamp: limits,
    in: (tokens) => softClamp(frame.in(tokens), limits),
    toCodeSpace: toCodeSpace && ((z) => tidy(() => reshape(softClamp(reshape(z, [-1, dim]), limits), z.shape))),
  };
}
