import { requireKnownOptions } from '@vqkit/core-tensor';
import { fsqAttrs } from './levels.ts';
import { type FsqOptions, requireLevels, resolveQuantizer } from './options.ts';

/**
 * The thresholds that define FSQ's levels, ascending: `thresholds[i][j - 1]` is the smallest float32 z whose level in feature i is >= j.
 *
 * @param levels as in `createFsq`.
 * @param options `bound`, `preserveSymmetry` and `boundHardClamp` as in `createFsq`.
 * @throws OptionError when an argument breaks its rule.
 * @example
 * fsqThresholds([3], { preserveSymmetry: true, bound: 'hardClamp' }); // [[-0.5, 0.5]]
 */
export function fsqThresholds(
  levels: readonly number[],
  options: Pick<FsqOptions, 'bound' | 'boundHardClamp' | 'preserveSymmetry'> = {},
): readonly (readonly number[])[] {
  const where = 'fsqThresholds';
  requireKnownOptions(where, options, ['bound', 'preserveSymmetry', 'boundHardClamp']);
  const quantizer = resolveQuantizer(where, options);
  requireLevels(where, levels, quantizer);
  return fsqAttrs(levels, quantizer).thresholds;
}
