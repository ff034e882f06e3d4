import { requireBoolean, requireInteger, requireOneOf, requireOption, requirePositive } from '@vqkit/core-tensor/check';
import { OptionError, show } from '@vqkit/core-tensor/errors';
import { resolveTokenOptions, type TokenConfig } from '@vqkit/core-tensor/token-options';
import type { LfqConfig, LfqOptions } from './options.ts';

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
export function bitsOf({ codebookSize }: Pick<LfqConfig, 'codebookSize'>): number {
  return Math.log2(codebookSize);
}

export type ShapeOptions = keyof TokenConfig | 'codebookSize' | 'hasProjections' | 'cosineSimProjectIn';

/** Sizes, axes and projections. */
export function resolveShape(where: string, options: LfqOptions): Pick<LfqConfig, ShapeOptions> {
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

export function codebookSizeOf(where: string, { dim, codebookSize }: LfqOptions, numCodebooks: number): number {
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

export type QuantizationOptions =
  | 'codebookScale'
  | 'softClampInputValue'
  | 'cosineSimProjectInScale'
  | 'spherical'
  | 'orthogonalRotation'
  | 'straightThroughActivation'
  | 'bitOrder';

/** What happens to the features. */
export function resolveQuantization(where: string, options: LfqOptions): Pick<LfqConfig, QuantizationOptions> {
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
