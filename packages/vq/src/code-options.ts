import { requireBoolean, requireInteger, requireOneOf } from '@vqkit/core-tensor/check';
import type { VqConfig, VqOptions } from './options.ts';

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

/** The options that decide what is a code. */
export type CodeOptions =
  | 'dim'
  | 'codebookSize'
  | 'codebookDim'
  | 'heads'
  | 'separateCodebookPerHead'
  | 'useCosineSim'
  | 'dataFormat';

export function resolveCodes(where: string, options: Pick<VqOptions, CodeOptions>): Pick<VqConfig, CodeOptions> {
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
