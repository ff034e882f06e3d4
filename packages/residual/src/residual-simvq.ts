import { requireBoolean, requireKnownOptions, requireOption } from '@vqkit/core-tensor';
import { createSimVq, type SimVqConfig, type SimVqOptions } from '@vqkit/simvq';
import { noFrame } from './frame.ts';
import { requireLayers } from './layer-count.ts';
import { createStack, type Residual } from './stack.ts';
import { layerSeed, pick, resolveStack, STACK_OPTIONS, type StackOptions } from './stack-options.ts';

const WHERE = 'createResidualSimVq';

/** The options of SimVQ that every layer takes as they are. */
type LayerOption =
  | 'dim'
  | 'codebookSize'
  | 'frozenCodebookDim'
  | 'codebookTransform'
  | 'transformBias'
  | 'codebookInit'
  | 'trainCodebook'
  | 'rotationTrick'
  | 'rotationMaxScale'
  | 'inputToQuantizeCommitLossWeight'
  | 'commitmentWeight'
  | 'exact';

const LAYER_OPTIONS: readonly LayerOption[] = [
  'dim',
  'codebookSize',
  'frozenCodebookDim',
  'codebookTransform',
  'transformBias',
  'codebookInit',
  'trainCodebook',
  'rotationTrick',
  'rotationMaxScale',
  'inputToQuantizeCommitLossWeight',
  'commitmentWeight',
  'exact',
];

export interface ResidualSimVqOptions extends StackOptions, Pick<SimVqOptions, LayerOption> {
  /** Number of layers Q. */
  readonly numQuantizers: number;
  /** One codebook, with one transform, for all layers. Default false. */
  readonly sharedCodebook?: boolean;
}

/** {@link ResidualSimVqOptions} with every default filled in: plain data. */
export interface ResidualSimVqConfig extends Required<StackOptions>, Pick<SimVqConfig, LayerOption> {
  readonly numQuantizers: number;
  readonly sharedCodebook: boolean;
}

export type ResidualSimVq = Residual<ResidualSimVqConfig>;

/**
 * Residual SimVQ: Q layers of SimVQ, each with a frozen codebook and a transform of its own.
 *
 * `createResidual` over `createSimVq`, all layers with the same options and different random codebooks. The rotation trick is the layers'
 * own gradient and counts with `gradient: 'perLayer'` only.
 *
 * - Shapes, indices, gradient, dropout, decoding: as `createResidual`; one column of indices per layer, in [0, codebookSize).
 * - Losses: `commitment` and `codebook` of `createSimVq`, summed over the layers, and each of `layer0.…`.
 *
 * Differs from vector-quantize-pytorch: masks; the codebook is not formed anew in every call; a `codebookTransform` object is a shared
 * one there, and here every layer has weights of its own (`sharedCodebook` shares them, and the frozen vectors); and what
 * `createResidual` and `createSimVq` say.
 *
 * @throws OptionError when an option breaks its rule.
 * @example
 * const rsimvq = createResidualSimVq({ dim: 32, codebookSize: 1024, numQuantizers: 8 });
 * const { quantized, indices, loss } = rsimvq.quantize(tf.randomNormal([2, 49, 32]), { training: true }); // int32 [2, 49, 8]
 */
export function createResidualSimVq(options: ResidualSimVqOptions): ResidualSimVq {
  requireKnownOptions(WHERE, options, [...LAYER_OPTIONS, 'numQuantizers', 'sharedCodebook', ...STACK_OPTIONS]);
  const { numQuantizers, sharedCodebook = false } = options;
  requireLayers(WHERE, numQuantizers);
  requireBoolean(WHERE, 'sharedCodebook', sharedCodebook);
  const { codebookTransform = 'linear' } = options;
  const isOwn = typeof codebookTransform === 'object' && codebookTransform !== null && 'apply' in codebookTransform;
  requireOption(
    !isOwn || sharedCodebook || numQuantizers === 1,
    WHERE,
    'codebookTransform',
    "'linear' or { hidden, activation, bias } unless sharedCodebook is on",
    codebookTransform,
    'A transform of your own belongs to one quantizer: give one to each createSimVq, and those to createResidual.',
  );
  const stack = resolveStack(WHERE, options, numQuantizers);
  const layer = (j: number): ReturnType<typeof createSimVq> =>
    createSimVq({ ...pick(options, LAYER_OPTIONS), seed: layerSeed(stack.seed, j) });
  const first = layer(0);
  const layers = Array.from({ length: numQuantizers }, (_, j) => (j === 0 || sharedCodebook ? first : layer(j)));
  const config = { ...pick(first.config, LAYER_OPTIONS), ...stack, numQuantizers, sharedCodebook };
  const scales = layers.map(() => 1);
  return createStack({ kind: 'ResidualSimVQ', where: WHERE, config, layers, scales, frame: noFrame(first.dim) });
}
