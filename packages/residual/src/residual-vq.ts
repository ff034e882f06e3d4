import { createRng, requireBoolean, requireInteger, requireKnownOptions, requireOption } from '@vqkit/core-tensor';
import { createVq, type VqOptions, type VqQuantizeOptions } from '@vqkit/vq';
import type { ResidualQuantizeOptions } from './composition.ts';
import { createProjections } from './frame.ts';
import { requireLayers } from './layer-count.ts';
import { createStack, type Residual } from './stack.ts';
import { layerSeed, pick, resolveStack, STACK_OPTIONS, type StackOptions } from './stack-options.ts';

const WHERE = 'createResidualVq';

type LayerOption =
  | 'useCosineSim'
  | 'exact'
  | 'learnableCodebook'
  | 'freezeCodebook'
  | 'decay'
  | 'eps'
  | 'kmeansInit'
  | 'kmeansSeeding'
  | 'kmeansIters'
  | 'kmeansTokensPerCode'
  | 'thresholdEmaDeadCode'
  | 'resetClusterSize'
  | 'rotationTrick'
  | 'rotationMaxScale'
  | 'commitmentWeight'
  | 'commitmentUseCrossEntropyLoss'
  | 'codebookWeight'
  | 'orthogonalRegWeight'
  | 'orthogonalRegActiveCodesOnly'
  | 'orthogonalRegMaxCodes'
  | 'stochasticSampleCodes'
  | 'sampleCodebookTemp';

/** The options of VQ that every layer takes as they are. */
const LAYER_OPTIONS: readonly LayerOption[] = [
  'useCosineSim',
  'exact',
  'learnableCodebook',
  'freezeCodebook',
  'decay',
  'eps',
  'kmeansInit',
  'kmeansSeeding',
  'kmeansIters',
  'kmeansTokensPerCode',
  'thresholdEmaDeadCode',
  'resetClusterSize',
  'rotationTrick',
  'rotationMaxScale',
  'commitmentWeight',
  'commitmentUseCrossEntropyLoss',
  'codebookWeight',
  'orthogonalRegWeight',
  'orthogonalRegActiveCodesOnly',
  'orthogonalRegMaxCodes',
  'stochasticSampleCodes',
  'sampleCodebookTemp',
];
const OWN_OPTIONS = ['dim', 'codebookSize', 'numQuantizers', 'codebookDim', 'sharedCodebook'] as const;

export interface ResidualVqOptions extends StackOptions, Pick<VqOptions, LayerOption> {
  /** Size of the feature axis. */
  readonly dim: number;
  /** Number of codes K of every layer, or a list with that of each. */
  readonly codebookSize: number | readonly number[];
  /** Number of layers Q. Default the length of `codebookSize`, if that is a list. */
  readonly numQuantizers?: number;
  /** Features of a code. Default `dim`; linear projections around the stack are added when it differs. */
  readonly codebookDim?: number;
  /** One codebook for all layers. Default false. */
  readonly sharedCodebook?: boolean;
}

/** {@link ResidualVqOptions} with every default filled in: plain data. */
export type ResidualVqConfig = Required<ResidualVqOptions>;

export interface ResidualVqQuantizeOptions
  extends ResidualQuantizeOptions,
    Pick<VqQuantizeOptions, 'freezeCodebook' | 'sampleCodebookTemp'> {}

export type ResidualVq = Residual<ResidualVqConfig, ResidualVqQuantizeOptions>;

/**
 * Residual vector quantization (RVQ): Q layers of VQ, the quantizer of SoundStream and EnCodec.
 *
 * `createResidual` over `createVq({ dim: codebookDim, codebookSize })`, all layers with the same options and codebooks of their own,
 * between linear projections where `codebookDim` is not `dim`. The rotation trick is the layers' own gradient and counts with
 * `gradient: 'perLayer'` only.
 *
 * - Shapes, indices, gradient, dropout, decoding: as `createResidual`; one column of indices per layer, in [0, codebookSize); with
 *   sizes of their own `codebookSize` of the stack is the largest.
 * - Losses: those of `createVq`, summed over the layers, and each of `layer0.…`.
 * - A shared codebook learns from every layer in turn, so that in training a layer meets codes that the layers before it have moved.
 *
 * Differs from vector-quantize-pytorch: a shared codebook moves there once per step, after the last layer; there are no implicit neural
 * codebooks and no beam search; and what `createResidual` and `createVq` say.
 *
 * Source: Zeghidour et al., "SoundStream: An End-to-End Neural Audio Codec", arXiv:2107.03312.
 *
 * @throws OptionError when an option breaks its rule.
 * @example
 * const rvq = createResidualVq({ dim: 32, codebookSize: 1024, numQuantizers: 8, kmeansInit: true, quantizeDropout: true });
 * const { quantized, indices, loss } = rvq.quantize(tf.randomNormal([2, 49, 32]), { training: true }); // int32 [2, 49, 8]
 */
export function createResidualVq(options: ResidualVqOptions): ResidualVq {
  requireKnownOptions(WHERE, options, [...LAYER_OPTIONS, ...OWN_OPTIONS, ...STACK_OPTIONS]);
  const { dim, codebookSize, sharedCodebook = false } = options;
  requireInteger(WHERE, 'dim', dim, 1);
  const { codebookDim = dim, numQuantizers = Array.isArray(codebookSize) ? codebookSize.length : undefined } = options;
  requireInteger(WHERE, 'codebookDim', codebookDim, 1);
  requireLayers(WHERE, numQuantizers);
  requireBoolean(WHERE, 'sharedCodebook', sharedCodebook);
  const sizes = sizesOf(codebookSize, numQuantizers);
  const alike = sizes.every((size) => size === sizes[0]);
  const fix = 'Pass one number, or sharedCodebook: false.';
  requireOption(
    alike || !sharedCodebook,
    WHERE,
    'codebookSize',
    'the same in all layers that share it',
    codebookSize,
    fix,
  );
  const stack = resolveStack(WHERE, options, numQuantizers);

  const layer = (j: number): ReturnType<typeof createVq> =>
    createVq({
      ...pick(options, LAYER_OPTIONS),
      dim: codebookDim,
      codebookSize: sizes[j] as number,
      seed: layerSeed(stack.seed, j),
    });
  const first = layer(0);
  const layers = sizes.map((_, j) => (j === 0 || sharedCodebook ? first : layer(j)));
  const config: ResidualVqConfig = {
    ...pick(first.config, LAYER_OPTIONS),
    ...stack,
    dim,
    codebookSize: typeof codebookSize === 'number' ? codebookSize : [...codebookSize],
    numQuantizers,
    codebookDim,
    sharedCodebook,
  };
  return createStack<ResidualVqConfig, ResidualVqQuantizeOptions>({
    kind: 'ResidualVQ',
    where: WHERE,
    config,
    layers,
    scales: layers.map(() => 1),
    frame: createProjections(dim, codebookDim, createRng(stack.seed)),
    callOptions: ['freezeCodebook', 'sampleCodebookTemp'],
    layerCall: (call) => pick(call, ['freezeCodebook', 'sampleCodebookTemp']),
  });
}

function sizesOf(codebookSize: number | readonly number[], count: number): readonly number[] {
  if (!Array.isArray(codebookSize)) return new Array<number>(count).fill(codebookSize as number);
  const rule = `a number, or a list of ${count}, one per layer`;
  requireOption(
    codebookSize.length === count,
    WHERE,
    'codebookSize',
    rule,
    codebookSize,
    'Pass one number for all layers.',
  );
  return codebookSize as readonly number[];
}
