import { requireBoolean, requireInteger, requireOneOf } from '@vqkit/core-tensor/check';
import type { DataFormat } from '@vqkit/core-tensor/token-options';

/** The options that decide what is a code. */
export interface VqCodeOptions {
  /** Size of the feature axis. */
  readonly dim: number;
  /** Number of codes K of one codebook, from 1 to 2^24. */
  readonly codebookSize: number;
  /** Features d of a code. Default `dim`, for every head; linear projections are added when heads · d differs from dim. */
  readonly codebookDim?: number;
  /** Codes per token: the features are split between them in order. Default 1. */
  readonly heads?: number;
  /** A codebook for each head; false: one for all. Default false. */
  readonly separateCodebookPerHead?: boolean;
  /** Compares directions: tokens and codes have length 1. Default false: Euclidean distance. */
  readonly useCosineSim?: boolean;
  /** Default `channelsLast`. */
  readonly dataFormat?: DataFormat;
}

/** Every option of VQ, by its name. */
export const OPTIONS = [
  'dim',
  'codebookSize',
  'codebookDim',
  'heads',
  'separateCodebookPerHead',
  'useCosineSim',
  'exact',
  'dataFormat',
  'learnableCodebook',
  'freezeCodebook',
  'decay',
  'eps',
  'kmeansInit',
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
  'seed',
] as const;

export function resolveCodes(where: string, options: VqCodeOptions): Required<VqCodeOptions> {
  const { dim, codebookSize, heads = 1, separateCodebookPerHead = false, useCosineSim = false } = options;
  requireInteger(where, 'dim', dim, 1);
  requireInteger(where, 'codebookSize', codebookSize, 1, 2 ** 24);
  requireInteger(where, 'heads', heads, 1);
  const { codebookDim = dim, dataFormat = 'channelsLast' } = options;
  requireInteger(where, 'codebookDim', codebookDim, 1);
  requireBoolean(where, 'separateCodebookPerHead', separateCodebookPerHead);
  requireBoolean(where, 'useCosineSim', useCosineSim);
  requireOneOf(where, 'dataFormat', dataFormat, ['channelsLast', 'channelsFirst']);
  return { dim, codebookSize, codebookDim, heads, separateCodebookPerHead, useCosineSim, dataFormat };
}
