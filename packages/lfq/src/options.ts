import {
  type DataFormat,
  MAX_CODEBOOK_ENTROPY_BITS,
  OptionError,
  requireBoolean,
  requireInteger,
  requireKnownOptions,
  requireNonNegative,
  requireOneOf,
  requireOption,
  requirePositive,
  requireSchedule,
  type Schedule,
  show,
} from '@vqkit/core-tensor';
import { MAX_CLAMPED_BITS } from '@vqkit/losses';

export const WHERE = 'createLfq';

/** Bits of the largest codebook: its size still is an int32. */
const MAX_BITS = 30;

/** f of the straight-through estimator: the gradient of `quantized` is that of f. */
export type StraightThroughActivation = 'identity' | 'tanh' | 'hardTanh';

export interface LfqOptions {
  /** Size of the feature axis. Default d · numCodebooks; linear projections are added when it differs. */
  readonly dim?: number;
  /** Number of codes K = 2^d of one codebook, a power of two up to 2^30. Default 2^dim. */
  readonly codebookSize?: number;
  /** Weight of H(c|x) - γ H(c) in the loss. Default 0.1. */
  readonly entropyLossWeight?: number;
  /** Weight of mean((x - sg q)²) in the loss. Default 0. */
  readonly commitmentLossWeight?: number;
  /** Weight of mean((x² - 1)²) in the loss, on the features before they are normalised. Default 0. */
  readonly unitNormLossWeight?: number;
  /** γ: how much an even use of the codes counts against decided bits. Default 1. */
  readonly diversityGamma?: number;
  /** Inverse temperature τ of the entropies, > 0, or a schedule over `step`. Default 100. */
  readonly invTemperature?: Schedule;
  /** Codebooks per token; the features are split between them in order. Default 1. */
  readonly numCodebooks?: number;
  /** Keeps the trailing codebook axis of the indices. Default `numCodebooks > 1`. */
  readonly keepNumCodebooksDim?: boolean;
  /** s: codes are ±s in every feature (spherical: of length s). Default 1. */
  readonly codebookScale?: number;
  /** Share of the tokens in the per-sample entropy, in (0, 1]; drawn anew in each call, at least one token. Default 1. */
  readonly fracPerSampleEntropy?: number;
  /** Linear layers before and after. Default: only where `dim` differs from d · numCodebooks. */
  readonly hasProjections?: boolean;
  /** Bias in the projections. Default true. */
  readonly projectionHasBias?: boolean;
  /** v: features become v tanh(x / v) first, v >= s. Default null: off. */
  readonly softClampInputValue?: number | null;
  /** Projects in by cosine similarity, (x/|x|)·(w/|w|), without bias. Default false. */
  readonly cosineSimProjectIn?: boolean;
  /** Scale of that similarity. Default `codebookScale`. */
  readonly cosineSimProjectInScale?: number;
  /** Default `channelsLast`. */
  readonly dataFormat?: DataFormat;
  /** Replaces the entropy term by softplus(term + `entropyLossOffset`), which is positive. Default false. */
  readonly experimentalSoftplusEntropyLoss?: boolean;
  /** Default 5. */
  readonly entropyLossOffset?: number;
  /** Binary spherical quantization: features and codes have length s. Default false. */
  readonly spherical?: boolean;
  /** A fixed random rotation before quantizing, undone after. Default false. */
  readonly orthogonalRotation?: boolean;
  /** Default `identity`. */
  readonly straightThroughActivation?: StraightThroughActivation;
  /** Clamps probabilities inside the logarithm as the reference library does (1e-5), for comparison, d <= 12. Default null: exact. */
  readonly entropyEps?: number | null;
  /** Seed of the projections, the rotation and the random share. Default 0. */
  readonly seed?: number;
}

/** {@link LfqOptions} with every default filled in: plain data. */
export type LfqConfig = Required<LfqOptions>;

const OPTIONS = [
  'dim',
  'codebookSize',
  'entropyLossWeight',
  'commitmentLossWeight',
  'unitNormLossWeight',
  'diversityGamma',
  'invTemperature',
  'numCodebooks',
  'keepNumCodebooksDim',
  'codebookScale',
  'fracPerSampleEntropy',
  'hasProjections',
  'projectionHasBias',
  'softClampInputValue',
  'cosineSimProjectIn',
  'cosineSimProjectInScale',
  'dataFormat',
  'experimentalSoftplusEntropyLoss',
  'entropyLossOffset',
  'spherical',
  'orthogonalRotation',
  'straightThroughActivation',
  'entropyEps',
  'seed',
] as const;

/** d of the codebook that the options ask for. */
export function bitsOf({ codebookSize }: Pick<LfqConfig, 'codebookSize'>): number {
  return Math.log2(codebookSize);
}

export function resolve(options: LfqOptions): LfqConfig {
  requireKnownOptions(WHERE, options, OPTIONS);
  return { ...shape(options), ...quantization(options), ...loss(options) };
}

type ShapeOptions =
  | 'dim'
  | 'codebookSize'
  | 'numCodebooks'
  | 'keepNumCodebooksDim'
  | 'hasProjections'
  | 'projectionHasBias'
  | 'cosineSimProjectIn'
  | 'dataFormat'
  | 'seed';

/** Sizes, axes and projections. */
function shape(options: LfqOptions): Pick<LfqConfig, ShapeOptions> {
  const { numCodebooks = 1 } = options;
  requireInteger(WHERE, 'numCodebooks', numCodebooks, 1);
  const codebookSize = codebookSizeOf(options, numCodebooks);
  const innerDim = bitsOf({ codebookSize }) * numCodebooks;
  const { dim = innerDim, keepNumCodebooksDim = numCodebooks > 1, dataFormat = 'channelsLast', seed = 0 } = options;
  requireInteger(WHERE, 'dim', dim, 1);
  requireBoolean(WHERE, 'keepNumCodebooksDim', keepNumCodebooksDim);
  requireOption(
    keepNumCodebooksDim || numCodebooks === 1,
    WHERE,
    'keepNumCodebooksDim',
    'true when there are several codebooks',
    keepNumCodebooksDim,
    'Leave it out.',
  );
  const { hasProjections = dim !== innerDim, projectionHasBias = true, cosineSimProjectIn = false } = options;
  requireBoolean(WHERE, 'hasProjections', hasProjections);
  requireOption(
    hasProjections || dim === innerDim,
    WHERE,
    'hasProjections',
    `true when dim (${dim}) differs from log2(codebookSize) · numCodebooks (${innerDim})`,
    hasProjections,
    `Leave it out, or use dim: ${innerDim}.`,
  );
  requireBoolean(WHERE, 'projectionHasBias', projectionHasBias);
  requireBoolean(WHERE, 'cosineSimProjectIn', cosineSimProjectIn);
  requireOption(
    hasProjections || !cosineSimProjectIn,
    WHERE,
    'cosineSimProjectIn',
    'false when there are no projections',
    cosineSimProjectIn,
    'Pass hasProjections: true.',
  );
  requireOneOf(WHERE, 'dataFormat', dataFormat, ['channelsLast', 'channelsFirst']);
  requireInteger(WHERE, 'seed', seed, 0, 2 ** 32 - 1);
  return {
    dim,
    codebookSize,
    numCodebooks,
    keepNumCodebooksDim,
    hasProjections,
    projectionHasBias,
    cosineSimProjectIn,
    dataFormat,
    seed,
  };
}

function codebookSizeOf({ dim, codebookSize }: LfqOptions, numCodebooks: number): number {
  if (codebookSize !== undefined) {
    requireInteger(WHERE, 'codebookSize', codebookSize, 2, 2 ** MAX_BITS);
    const above = 2 ** Math.ceil(Math.log2(codebookSize));
    const fix = `Use ${above / 2} or ${above}.`;
    requireOption(
      Number.isInteger(Math.log2(codebookSize)),
      WHERE,
      'codebookSize',
      'a power of two',
      codebookSize,
      fix,
    );
    return codebookSize;
  }
  if (dim === undefined || numCodebooks > 1) {
    const rule = dim === undefined ? 'given when dim is not' : 'given when there are several codebooks';
    throw new OptionError(
      `${WHERE}: codebookSize must be ${rule}, got ${show(codebookSize)}. Use 2^d for d bits a codebook.`,
    );
  }
  requireInteger(WHERE, 'dim', dim, 1);
  const fix = 'Pass codebookSize for a smaller codebook behind projections, or several codebooks.';
  requireOption(dim <= MAX_BITS, WHERE, 'dim', `at most ${MAX_BITS} bits when codebookSize is left out`, dim, fix);
  return 2 ** dim;
}

type QuantizationOptions =
  | 'codebookScale'
  | 'softClampInputValue'
  | 'cosineSimProjectInScale'
  | 'spherical'
  | 'orthogonalRotation'
  | 'straightThroughActivation';

/** What happens to the features. */
function quantization(options: LfqOptions): Pick<LfqConfig, QuantizationOptions> {
  const { codebookScale = 1, softClampInputValue = null } = options;
  requirePositive(WHERE, 'codebookScale', codebookScale);
  if (softClampInputValue !== null) {
    requirePositive(WHERE, 'softClampInputValue', softClampInputValue);
    requireOption(
      softClampInputValue >= codebookScale,
      WHERE,
      'softClampInputValue',
      `at least codebookScale (${codebookScale})`,
      softClampInputValue,
      'A lower clamp could not reach the codes: raise it.',
    );
  }
  const { cosineSimProjectInScale = codebookScale, spherical = false, orthogonalRotation = false } = options;
  requirePositive(WHERE, 'cosineSimProjectInScale', cosineSimProjectInScale);
  requireBoolean(WHERE, 'spherical', spherical);
  requireBoolean(WHERE, 'orthogonalRotation', orthogonalRotation);
  const { straightThroughActivation = 'identity' } = options;
  requireOneOf(WHERE, 'straightThroughActivation', straightThroughActivation, ['identity', 'tanh', 'hardTanh']);
  return {
    codebookScale,
    softClampInputValue,
    cosineSimProjectInScale,
    spherical,
    orthogonalRotation,
    straightThroughActivation,
  };
}

type LossOptions = Exclude<keyof LfqConfig, ShapeOptions | QuantizationOptions>;

/** What is minimised. */
function loss(options: LfqOptions): Pick<LfqConfig, LossOptions> {
  const { entropyLossWeight = 0.1, commitmentLossWeight = 0, unitNormLossWeight = 0, diversityGamma = 1 } = options;
  requireNonNegative(WHERE, 'entropyLossWeight', entropyLossWeight);
  requireNonNegative(WHERE, 'commitmentLossWeight', commitmentLossWeight);
  requireNonNegative(WHERE, 'unitNormLossWeight', unitNormLossWeight);
  requireNonNegative(WHERE, 'diversityGamma', diversityGamma);
  const bits = bitsOf({ codebookSize: codebookSizeOf(options, options.numCodebooks ?? 1) });
  requireOption(
    bits <= MAX_CODEBOOK_ENTROPY_BITS || entropyLossWeight === 0,
    WHERE,
    'codebookSize',
    `at most 2^${MAX_CODEBOOK_ENTROPY_BITS} for the entropy loss`,
    2 ** bits,
    'Pass entropyLossWeight: 0, or several codebooks of fewer bits.',
  );
  const { invTemperature = 100, fracPerSampleEntropy = 1, experimentalSoftplusEntropyLoss = false } = options;
  requireSchedule(WHERE, 'invTemperature', invTemperature);
  requireOption(
    typeof fracPerSampleEntropy === 'number' && fracPerSampleEntropy > 0 && fracPerSampleEntropy <= 1,
    WHERE,
    'fracPerSampleEntropy',
    'a number above 0 and at most 1',
    fracPerSampleEntropy,
    'Use 1 for all tokens.',
  );
  requireBoolean(WHERE, 'experimentalSoftplusEntropyLoss', experimentalSoftplusEntropyLoss);
  const { entropyLossOffset = 5, entropyEps = null } = options;
  requireOption(
    Number.isFinite(entropyLossOffset),
    WHERE,
    'entropyLossOffset',
    'a finite number',
    entropyLossOffset,
    'Leave it out for 5.',
  );
  if (entropyEps !== null) {
    requireOption(
      typeof entropyEps === 'number' && entropyEps > 0 && entropyEps < 1,
      WHERE,
      'entropyEps',
      'a number between 0 and 1',
      entropyEps,
      'Use 1e-5 for parity with the reference library, or leave it out for the exact entropy.',
    );
    const fix = 'Leave entropyEps out: the exact entropy needs no matrix of all codes.';
    const rule = `at most 2^${MAX_CLAMPED_BITS} with entropyEps`;
    requireOption(bits <= MAX_CLAMPED_BITS, WHERE, 'codebookSize', rule, 2 ** bits, fix);
  }
  return {
    entropyLossWeight,
    commitmentLossWeight,
    unitNormLossWeight,
    diversityGamma,
    invTemperature,
    fracPerSampleEntropy,
    experimentalSoftplusEntropyLoss,
    entropyLossOffset,
    entropyEps,
  };
}
