import {
  requireBoolean,
  requireInteger,
  requireKnownOptions,
  requireNonNegative,
  requireOneOf,
  requireOption,
  requirePositive,
} from '@vqkit/core-tensor/check';
import { requireSchedule, type Schedule } from '@vqkit/core-tensor/schedule';
import { type DataFormat, resolveTokenOptions, type TokenConfig } from '@vqkit/core-tensor/token-options';

/** f of the straight-through estimator: the gradient of `quantized` is that of f. */
export type StraightThroughActivation = 'identity' | 'tanh' | 'hardTanh';

/** Which bit of an index feature 0 is. */
export type BitOrder = 'msbFirst' | 'lsbFirst';

/** Whose straight-through gradient a spherical code has. */
export type SphericalGradient = 'reference' | 'official';

/** The options that decide what is a code. */
interface LfqCodeOptions {
  /** Size of the feature axis. Default d · numCodebooks; linear projections are added when it differs. */
  readonly dim?: number;
  /** Number of codes K = 2^d of one codebook, a power of two up to 2^30. Default 2^dim. */
  readonly codebookSize?: number;
  /** Codebooks per token; the features are split between them in order. Default 1. */
  readonly numCodebooks?: number;
  /** Keeps the trailing codebook axis of the indices. Default `numCodebooks > 1`. */
  readonly keepNumCodebooksDim?: boolean;
  /** s: codes are ±s in every feature (spherical: of length s). Default 1. */
  readonly codebookScale?: number;
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
  /** Binary spherical quantization: features and codes have length s. Default false. */
  readonly spherical?: boolean;
  /** A fixed random rotation before quantizing, undone after. Default false. */
  readonly orthogonalRotation?: boolean;
  /** Default `identity`. */
  readonly straightThroughActivation?: StraightThroughActivation;
  /**
   * Whether feature 0 is the most significant bit of an index, as in vector-quantize-pytorch and BSQ, or the least, as in Open-MAGVIT2.
   * Default `msbFirst`.
   */
  readonly bitOrder?: BitOrder;
  /** Seed of the projections, the rotation and the random share. Default 0. */
  readonly seed?: number;
}

export interface LfqOptions extends LfqCodeOptions {
  /** Weight of H(c|x) - γ H(c) in the loss. Default 0.1. */
  readonly entropyLossWeight?: number;
  /** Weight of mean((x - sg q)²) in the loss. Default 0. */
  readonly commitmentLossWeight?: number;
  /** Weight of mean((x² - s²)²/s²) in the loss, s = `codebookScale`, on the features before they are normalised. Default 0. */
  readonly unitNormLossWeight?: number;
  /** γ: how much an even use of the codes counts against decided bits. Default 1. */
  readonly diversityGamma?: number;
  /** Inverse temperature τ of the entropies, > 0, or a schedule over `step`. Default 100. */
  readonly invTemperature?: Schedule;
  /** Share of the tokens in the per-sample entropy, in (0, 1]; drawn anew in each call, at least one token. Default 1. */
  readonly fracPerSampleEntropy?: number;
  /** Replaces the entropy term by softplus(term + `entropyLossOffset`), which is positive. Default false. */
  readonly experimentalSoftplusEntropyLoss?: boolean;
  /** Default 5. */
  readonly entropyLossOffset?: number;
  /**
   * With several codebooks: H(c) of the mean probabilities over tokens and codebooks together, as in Open-MAGVIT2, in place of the mean
   * of each codebook's own H(c). Default false.
   */
  readonly pooledCodebookEntropy?: boolean;
  /**
   * With `spherical`: `reference` passes the gradient of `quantized` to the normalised features unchanged, as vector-quantize-pytorch;
   * `official` passes 1/√d of it, as the code of the BSQ paper, which scales by 1/√d after the straight-through estimator. Default
   * `reference`.
   */
  readonly sphericalGradient?: SphericalGradient;
  /** Clamps probabilities inside the logarithm as the reference library does (1e-5), for comparison, d <= 12. Default null: exact. */
  readonly entropyEps?: number | null;
}

/** {@link LfqCodeOptions} with every default filled in. */
export type LfqCodeConfig = Required<LfqCodeOptions>;

/** {@link LfqOptions} with every default filled in: plain data. */
export type LfqConfig = Required<LfqOptions>;

/** Every option of LFQ; the codec takes them all. */
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
  'bitOrder',
  'pooledCodebookEntropy',
  'sphericalGradient',
  'entropyEps',
  'seed',
] as const;

/** Bits of the largest codebook: its size still is an int32. */
const MAX_BITS = 30;

/** d of the codebook that the options ask for. */
export function bitsOf({ codebookSize }: Pick<LfqCodeConfig, 'codebookSize'>): number {
  return Math.log2(codebookSize);
}

export const WHERE = 'createLfq';

/** Checks every option and fills in the defaults. */
export function resolve(options: LfqOptions): LfqConfig {
  return { ...resolveCodes(WHERE, options), ...loss(options) };
}

/**
 * Checks what decides what is a code, and no more: what a codec needs.
 *
 * @param where the function that was called, for errors.
 */
export function resolveCodes(where: string, options: LfqOptions): LfqCodeConfig {
  requireKnownOptions(where, options, OPTIONS);
  return { ...shape(where, options), ...quantization(where, options) };
}

type ShapeOptions = keyof TokenConfig | 'codebookSize' | 'hasProjections' | 'cosineSimProjectIn';

/** Sizes, axes and projections. */
function shape(where: string, options: LfqCodeOptions): Pick<LfqCodeConfig, ShapeOptions> {
  const { numCodebooks = 1 } = options;
  requireInteger(where, 'numCodebooks', numCodebooks, 1);
  const codebookSize = codebookSizeOf(where, options, numCodebooks);
  const bits = bitsOf({ codebookSize });
  const tokens = resolveTokenOptions(where, options, bits);
  const { dim } = tokens;
  const innerDim = bits * numCodebooks;
  const { hasProjections = dim !== innerDim, cosineSimProjectIn = false } = options;
  requireBoolean(where, 'hasProjections', hasProjections);
  requireOption(
    hasProjections || dim === innerDim,
    where,
    'hasProjections',
    `true when dim (${dim}) differs from log2(codebookSize) · numCodebooks (${innerDim})`,
    hasProjections,
    `Leave it out, or use dim: ${innerDim}.`,
  );
  requireBoolean(where, 'cosineSimProjectIn', cosineSimProjectIn);
  requireOption(
    hasProjections || !cosineSimProjectIn,
    where,
    'cosineSimProjectIn',
    'false when there are no projections',
    cosineSimProjectIn,
    'Pass hasProjections: true.',
  );
  return { ...tokens, codebookSize, hasProjections, cosineSimProjectIn };
}

function codebookSizeOf(where: string, { dim, codebookSize }: LfqCodeOptions, numCodebooks: number): number {
  if (codebookSize !== undefined) {
    requireInteger(where, 'codebookSize', codebookSize, 2, 2 ** MAX_BITS);
    const above = 2 ** Math.ceil(Math.log2(codebookSize));
    const fix = `Use ${above / 2} or ${above}.`;
    requireOption(
      Number.isInteger(Math.log2(codebookSize)),
      where,
      'codebookSize',
      'a power of two',
      codebookSize,
      fix,
    );
    return codebookSize;
  }
  const needed = dim === undefined ? 'given when dim is not' : 'given when there are several codebooks';
  const holds = dim !== undefined && numCodebooks === 1;
  requireOption(holds, where, 'codebookSize', needed, codebookSize, 'Use 2^d for d bits a codebook.');
  requireInteger(where, 'dim', dim, 1);
  const fix = 'Pass codebookSize for a smaller codebook behind projections, or several codebooks.';
  requireOption(dim <= MAX_BITS, where, 'dim', `at most ${MAX_BITS} bits when codebookSize is left out`, dim, fix);
  return 2 ** dim;
}

type QuantizationOptions =
  | 'codebookScale'
  | 'softClampInputValue'
  | 'cosineSimProjectInScale'
  | 'spherical'
  | 'orthogonalRotation'
  | 'straightThroughActivation'
  | 'bitOrder';

/** What happens to the features. */
function quantization(where: string, options: LfqCodeOptions): Pick<LfqCodeConfig, QuantizationOptions> {
  const { codebookScale = 1, softClampInputValue = null } = options;
  requirePositive(where, 'codebookScale', codebookScale);
  if (softClampInputValue !== null) {
    requirePositive(where, 'softClampInputValue', softClampInputValue);
    requireOption(
      softClampInputValue >= codebookScale,
      where,
      'softClampInputValue',
      `at least codebookScale (${codebookScale})`,
      softClampInputValue,
      'A lower clamp could not reach the codes: raise it.',
    );
  }
  const { cosineSimProjectInScale = codebookScale, spherical = false, orthogonalRotation = false } = options;
  requirePositive(where, 'cosineSimProjectInScale', cosineSimProjectInScale);
  requireBoolean(where, 'spherical', spherical);
  requireBoolean(where, 'orthogonalRotation', orthogonalRotation);
  const { straightThroughActivation = 'identity' } = options;
  requireOneOf(where, 'straightThroughActivation', straightThroughActivation, ['identity', 'tanh', 'hardTanh']);
  const { bitOrder = 'msbFirst' } = options;
  requireOneOf(where, 'bitOrder', bitOrder, ['msbFirst', 'lsbFirst']);
  return {
    codebookScale,
    softClampInputValue,
    cosineSimProjectInScale,
    spherical,
    orthogonalRotation,
    straightThroughActivation,
    bitOrder,
  };
}

type LossOptions = Exclude<keyof LfqConfig, keyof LfqCodeOptions>;

/** What is minimised, and the gradient that training has. */
function loss(options: LfqOptions): Pick<LfqConfig, LossOptions> {
  const { entropyLossWeight = 0.1, commitmentLossWeight = 0, unitNormLossWeight = 0, diversityGamma = 1 } = options;
  requireNonNegative(WHERE, 'entropyLossWeight', entropyLossWeight);
  requireNonNegative(WHERE, 'commitmentLossWeight', commitmentLossWeight);
  requireNonNegative(WHERE, 'unitNormLossWeight', unitNormLossWeight);
  requireNonNegative(WHERE, 'diversityGamma', diversityGamma);
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
  const { entropyLossOffset = 5, entropyEps = null, pooledCodebookEntropy = false } = options;
  requireBoolean(WHERE, 'pooledCodebookEntropy', pooledCodebookEntropy);
  const { sphericalGradient = 'reference' } = options;
  requireOneOf(WHERE, 'sphericalGradient', sphericalGradient, ['reference', 'official']);
  requireOption(
    options.spherical === true || sphericalGradient === 'reference',
    WHERE,
    'sphericalGradient',
    "'reference' unless spherical is on",
    sphericalGradient,
    'Pass spherical: true.',
  );
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
    pooledCodebookEntropy,
    sphericalGradient,
    entropyEps,
  };
}
