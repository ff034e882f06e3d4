import { requireBoolean, requireInteger, requireOneOf, requireOption } from './check.ts';

/** Where the feature axis is: last (`[batch, …, dim]`) or second (`[batch, dim, …]`). Never guessed from the rank. */
export type DataFormat = 'channelsLast' | 'channelsFirst';

/** The options that methods with several codebooks share, with every default filled in. */
export interface TokenConfig {
  readonly dim: number;
  readonly numCodebooks: number;
  readonly keepNumCodebooksDim: boolean;
  readonly dataFormat: DataFormat;
  readonly projectionHasBias: boolean;
  readonly seed: number;
}

/**
 * Checks the options of {@link TokenConfig} and fills in their defaults: one codebook, `dim = codeDim · numCodebooks`, the codebook
 * axis kept where there are several codebooks, channels last, bias in projections, seed 0.
 *
 * @param where the function that was called, for errors.
 * @param codeDim features of one code.
 * @throws OptionError when an option breaks its rule.
 * @example
 * resolveTokenOptions('createFsq', { numCodebooks: 2 }, 4).dim; // 8
 */
export function resolveTokenOptions(where: string, options: Partial<TokenConfig>, codeDim: number): TokenConfig {
  const { numCodebooks = 1, dataFormat = 'channelsLast', projectionHasBias = true, seed = 0 } = options;
  requireInteger(where, 'numCodebooks', numCodebooks, 1);
  const { dim = codeDim * numCodebooks, keepNumCodebooksDim = numCodebooks > 1 } = options;
  requireInteger(where, 'dim', dim, 1);
  requireBoolean(where, 'keepNumCodebooksDim', keepNumCodebooksDim);
  requireOption(
    keepNumCodebooksDim || numCodebooks === 1,
    where,
    'keepNumCodebooksDim',
    'true when there are several codebooks',
    keepNumCodebooksDim,
    'Leave it out.',
  );
  requireOneOf(where, 'dataFormat', dataFormat, ['channelsLast', 'channelsFirst']);
  requireBoolean(where, 'projectionHasBias', projectionHasBias);
  requireInteger(where, 'seed', seed, 0, 2 ** 32 - 1);
  return { dim, numCodebooks, keepNumCodebooksDim, dataFormat, projectionHasBias, seed };
}
