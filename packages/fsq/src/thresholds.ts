import { requireBoolean, requireKnownOptions } from '@vqkit/core-tensor';
import { type FsqBound, fsqAttrs } from './levels.ts';
import { requireLevels } from './options.ts';

/**
 * The thresholds that define FSQ's levels, ascending: `thresholds[i][j - 1]` is the smallest float32 z whose level in feature i is >= j.
 *
 * @param levels as in `createFsq`.
 * @param bound `preserveSymmetry` and `boundHardClamp` as in `createFsq`; default false.
 * @throws OptionError when an argument breaks its rule.
 * @example
 * fsqThresholds([3], { preserveSymmetry: true, boundHardClamp: true }); // [[-0.5, 0.5]]
 */
export function fsqThresholds(
  levels: readonly number[],
  bound: Partial<FsqBound> = {},
): readonly (readonly number[])[] {
  const where = 'fsqThresholds';
  requireKnownOptions(where, bound, ['preserveSymmetry', 'boundHardClamp']);
  const { preserveSymmetry = false, boundHardClamp = false } = bound;
  requireBoolean(where, 'preserveSymmetry', preserveSymmetry);
  requireBoolean(where, 'boundHardClamp', boundHardClamp);
  requireLevels(where, levels, preserveSymmetry);
  return fsqAttrs(levels, { preserveSymmetry, boundHardClamp }).thresholds;
}
