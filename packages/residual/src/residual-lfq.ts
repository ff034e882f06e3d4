import {
  createRng,
  OptionError,
  requireBoolean,
  requireInteger,
  requireKnownOptions,
  requirePositive,
  type Schedule,
} from '@vqkit/core-tensor';
import { createLfq, type LfqOptions } from '@vqkit/lfq';
import type { ResidualQuantizeOptions } from './composition.ts';
import { createProjections } from './frame.ts';
import { fusedSign } from './fused.ts';
import { requireLayers } from './layer-count.ts';
import { createStack, type Residual } from './stack.ts';
import { layerSeed, pick, resolveStack, STACK_OPTIONS, type StackOptions } from './stack-options.ts';

const WHERE = 'createResidualLfq';

/** The options of LFQ that every layer takes as they are. */
type LayerOption =
  | 'entropyLossWeight'
  | 'commitmentLossWeight'
  | 'diversityGamma'
  | 'fracPerSampleEntropy'
  | 'experimentalSoftplusEntropyLoss'
  | 'entropyLossOffset'
  | 'spherical'
  | 'orthogonalRotation'
  | 'straightThroughActivation'
  | 'bitOrder'
  | 'sphericalGradient'
  | 'entropyEps';

const LAYER_OPTIONS: readonly LayerOption[] = [
  'entropyLossWeight',
  'commitmentLossWeight',
  'diversityGamma',
  'fracPerSampleEntropy',
  'experimentalSoftplusEntropyLoss',
  'entropyLossOffset',
  'spherical',
  'orthogonalRotation',
  'straightThroughActivation',
  'bitOrder',
  'sphericalGradient',
  'entropyEps',
];

export interface ResidualLfqOptions extends StackOptions, Pick<LfqOptions, LayerOption> {
  /** Size of the feature axis. Default log2(codebookSize); linear projections around the stack are added when it differs. */
  readonly dim?: number;
  /** Number of layers Q. */
  readonly numQuantizers: number;
  /** Number of codes K = 2^d of every layer, a power of two up to 2^30. Default 2^dim. */
  readonly codebookSize?: number;
  /** s_0; layer j has the scale s_j = s_0 · 2^-j. Default 1. */
  readonly codebookScale?: number;
  /** v: layer j sees v_j tanh(r / v_j), v_j = v · 2^-j, v >= s_0. Default null: off. */
  readonly softClampInputValue?: number | null;
  /** Inverse temperature τ of the entropies, > 0, or a schedule over `step`. Default 100. */
  readonly invTemperature?: Schedule;
  /** Layer j has τ_j = τ · 4^j, which makes its log-odds as large as those of layer 0; false: τ. Default true. */
  readonly rescaleTemperature?: boolean;
}

/** {@link ResidualLfqOptions} with every default filled in: plain data. */
export type ResidualLfqConfig = Required<ResidualLfqOptions>;

export interface ResidualLfqQuantizeOptions extends ResidualQuantizeOptions {
  /** Inverse temperature τ of this call, > 0, in place of the quantizer's option; rescaled like it. */
  readonly invTemperature?: number | undefined;
}

export type ResidualLfq = Residual<ResidualLfqConfig, ResidualLfqQuantizeOptions>;

/**
 * Residual lookup-free quantization: Q layers of LFQ, each with half the scale of the one before, so that every feature is written in
 * binary, one digit a layer.
 *
 * `createResidual` over `createLfq({ codebookScale: s_j, invTemperature: τ_j })` with s_j = s_0 · 2^-j and τ_j = τ · 4^j = τ / (s_j/s_0)²,
 * between linear projections where `dim` is not d = log2(codebookSize). Without `spherical`, features within ±2 s_0 are off by at
 * most `s_0 · 2^-(Q-1)`; larger ones saturate at s_0 (2 - 2^-(Q-1)).
 *
 * - Shapes, indices, gradient, dropout, decoding: as `createResidual`; one column of indices per layer, in [0, 2^d).
 * - Losses: `perSampleEntropy`, `codebookEntropy`, `commitment`, `unitNorm` of `createLfq`, summed over the layers, and each of
 *   `layer0.…`.
 *
 * Differs from vector-quantize-pytorch: the temperature is rescaled (there the entropies of deep layers go uniform and lose their
 * gradient; `rescaleTemperature: false` does as it does), and can be passed; with `spherical` and `orthogonalRotation` indices
 * decode to what was quantized; image layouts work; and what `createResidual` and `createLfq` say.
 *
 * @throws OptionError when an option breaks its rule.
 * @example
 * const rlfq = createResidualLfq({ dim: 32, codebookSize: 256, numQuantizers: 8 });
 * const { quantized, indices, loss } = rlfq.quantize(tf.randomNormal([2, 49, 32]), { training: true }); // int32 [2, 49, 8]
 */
export function createResidualLfq(options: ResidualLfqOptions): ResidualLfq {
  requireKnownOptions(WHERE, options, [...LAYER_OPTIONS, ...OWN_OPTIONS, ...STACK_OPTIONS]);
  const { numQuantizers, codebookScale = 1, softClampInputValue = null } = options;
  const { invTemperature = 100, rescaleTemperature = true } = options;
  requireLayers(WHERE, numQuantizers);
  requirePositive(WHERE, 'codebookScale', codebookScale);
  requireBoolean(WHERE, 'rescaleTemperature', rescaleTemperature);
  const stack = resolveStack(WHERE, options, numQuantizers);
  const codebookSize = codebookSizeOf(options);

  const temperatureFactor = (j: number): number => (rescaleTemperature ? 4 ** j : 1);
  const layers = Array.from({ length: numQuantizers }, (_, j) =>
    createLfq({
      ...pick(options, LAYER_OPTIONS),
      codebookSize,
      codebookScale: codebookScale * 2 ** -j,
      softClampInputValue: softClampInputValue === null ? null : softClampInputValue * 2 ** -j,
      invTemperature: scaledSchedule(invTemperature, temperatureFactor(j)),
      seed: layerSeed(stack.seed, j),
    }),
  );
  const first = layers[0] as (typeof layers)[number];
  const { dim = first.dim } = options;
  requireInteger(WHERE, 'dim', dim, 1);
  const config: ResidualLfqConfig = {
    ...pick(first.config, LAYER_OPTIONS),
    ...stack,
    dim,
    numQuantizers,
    codebookSize,
    codebookScale,
    softClampInputValue,
    invTemperature,
    rescaleTemperature,
  };
  /** Nothing but the signs of what is left over decides. */
  const plain = softClampInputValue === null && !config.orthogonalRotation;
  const magnitudes = layers.map(({ config: own, dim }) =>
    own.spherical ? own.codebookScale / Math.sqrt(dim) : own.codebookScale,
  );
  return createStack({
    kind: 'ResidualLFQ',
    where: WHERE,
    config,
    layers,
    scales: layers.map(() => 1),
    ...(plain && { fused: fusedSign(first.dim, magnitudes, config.bitOrder) }),
    frame: createProjections(dim, first.dim, createRng(stack.seed)),
    callOptions: ['invTemperature'],
    layerCall: ({ invTemperature: own }: ResidualLfqQuantizeOptions, j) => {
      if (own === undefined) return {};
      requirePositive(`${WHERE}().quantize`, 'invTemperature', own);
      return { invTemperature: own * temperatureFactor(j) };
    },
  });
}

const OWN_OPTIONS = [
  'dim',
  'numQuantizers',
  'codebookSize',
  'codebookScale',
  'softClampInputValue',
  'invTemperature',
  'rescaleTemperature',
] as const;

function codebookSizeOf({ dim, codebookSize }: ResidualLfqOptions): number {
  if (codebookSize !== undefined) return codebookSize;
  if (dim === undefined) {
    throw new OptionError(
      WHERE,
      'codebookSize',
      'be given when dim is not',
      codebookSize,
      'Use 2^d for d bits a layer.',
    );
  }
  requireInteger(WHERE, 'dim', dim, 1, 30);
  return 2 ** dim;
}

function scaledSchedule(schedule: Schedule, factor: number): Schedule {
  if (typeof schedule === 'number') return schedule * factor;
  return { ...schedule, from: schedule.from * factor, to: schedule.to * factor };
}
