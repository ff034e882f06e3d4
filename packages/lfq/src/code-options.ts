import { requireBoolean, requireInteger, requireOneOf, requireOption, requirePositive } from '@vqkit/core-tensor/check';
import { OptionError, show } from '@vqkit/core-tensor/errors';
import { type DataFormat, resolveTokenOptions, type TokenConfig } from '@vqkit/core-tensor/token-options';

/** f of the straight-through estimator: the gradient of `quantized` is that of f. */
export type StraightThroughActivation = 'identity' | 'tanh' | 'hardTanh';

/** Which bit of an index feature 0 is. */
export type BitOrder = 'msbFirst' | 'lsbFirst';

/** The options that decide what is a code. */
export interface LfqCodeOptions {
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

/** {@link LfqCodeOptions} with every default filled in. */
export type LfqCodeConfig = Required<LfqCodeOptions>;

/** Bits of the largest codebook: its size still is an int32. */
const MAX_BITS = 30;

/** Every option of LFQ; the codec takes them all. */
export const OPTIONS = [
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

/** d of the codebook that the options ask for. */
export function bitsOf({ codebookSize }: Pick<LfqCodeConfig, 'codebookSize'>): number {
  return Math.log2(codebookSize);
}

type ShapeOptions = keyof TokenConfig | 'codebookSize' | 'hasProjections' | 'cosineSimProjectIn';

/** Sizes, axes and projections. */
export function resolveShape(where: string, options: LfqCodeOptions): Pick<LfqCodeConfig, ShapeOptions> {
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

export function codebookSizeOf(where: string, { dim, codebookSize }: LfqCodeOptions, numCodebooks: number): number {
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
  if (dim === undefined || numCodebooks > 1) {
    const rule = dim === undefined ? 'given when dim is not' : 'given when there are several codebooks';
    throw new OptionError(
      `${where}: codebookSize must be ${rule}, got ${show(codebookSize)}. Use 2^d for d bits a codebook.`,
    );
  }
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
export function resolveQuantization(where: string, options: LfqCodeOptions): Pick<LfqCodeConfig, QuantizationOptions> {
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
