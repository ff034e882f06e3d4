import { requireBoolean, requireInteger, requireOneOf } from '@vqkit/core-tensor/check';
import type { SimVqConfig, SimVqOptions } from './options.ts';

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

/** The options that decide what is a code, beside the transform. */
export type CodeOptions = 'dim' | 'codebookSize' | 'frozenCodebookDim' | 'transformBias' | 'dataFormat';

export function resolveCodes(where: string, options: Pick<SimVqOptions, CodeOptions>): Pick<SimVqConfig, CodeOptions> {
  const { dim, codebookSize, transformBias = false } = options;
  requireInteger(where, 'dim', dim, 1);
  requireInteger(where, 'codebookSize', codebookSize, 1, 2 ** 24);
  const { frozenCodebookDim = dim, dataFormat = 'channelsLast' } = options;
  requireInteger(where, 'frozenCodebookDim', frozenCodebookDim, 1);
  requireBoolean(where, 'transformBias', transformBias);
  requireOneOf(where, 'dataFormat', dataFormat, ['channelsLast', 'channelsFirst']);
  return { dim, codebookSize, frozenCodebookDim, transformBias, dataFormat };
}
