import { requireBoolean, requireInteger, requireKnownOptions, requireOneOf } from '@vqkit/core-tensor/check';
import type { DataFormat } from '@vqkit/core-tensor/token-options';

/** The options that decide what is a code, beside the transform. */
export interface SimVqCodeOptions {
  /** Size of the feature axis. */
  readonly dim: number;
  /** Number of codes K, from 1 to 2^24. */
  readonly codebookSize: number;
  /** Width of the frozen vectors. Default `dim`; a smaller one makes the search cheaper. */
  readonly frozenCodebookDim?: number;
  /** Bias in the linear transform (the official SimVQ has one, vector-quantize-pytorch none). Default false. */
  readonly transformBias?: boolean;
  /** Default `channelsLast`. */
  readonly dataFormat?: DataFormat;
}

/** {@link SimVqCodeOptions} with every default filled in. */
export type SimVqCodeConfig = Required<SimVqCodeOptions>;

/** Every option of SimVQ; the codec takes them all. */
export const OPTIONS = [
  'dim',
  'codebookSize',
  'frozenCodebookDim',
  'codebookTransform',
  'transformBias',
  'codebookInit',
  'trainCodebook',
  'dataFormat',
  'rotationTrick',
  'rotationMaxScale',
  'inputToQuantizeCommitLossWeight',
  'commitmentWeight',
  'exact',
  'seed',
] as const;

/**
 * Checks what decides what is a code, and no more: what a codec needs.
 *
 * @param where the function that was called, for errors.
 */
export function resolveCodes(where: string, options: SimVqCodeOptions): SimVqCodeConfig {
  requireKnownOptions(where, options, OPTIONS);
  const { dim, codebookSize, transformBias = false } = options;
  requireInteger(where, 'dim', dim, 1);
  requireInteger(where, 'codebookSize', codebookSize, 1, 2 ** 24);
  const { frozenCodebookDim = dim, dataFormat = 'channelsLast' } = options;
  requireInteger(where, 'frozenCodebookDim', frozenCodebookDim, 1);
  requireBoolean(where, 'transformBias', transformBias);
  requireOneOf(where, 'dataFormat', dataFormat, ['channelsLast', 'channelsFirst']);
  return { dim, codebookSize, frozenCodebookDim, transformBias, dataFormat };
}
