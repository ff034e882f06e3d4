import {
  requireBoolean,
  requireFraction,
  requireInteger,
  requireKnownOptions,
  requireOption,
} from '@vqkit/core-tensor/check';
import { show } from '@vqkit/core-tensor/errors';
import { type DataFormat, resolveTokenOptions } from '@vqkit/core-tensor/token-options';

export interface FsqOptions {
  /**
   * Levels L_i of each code dimension: integers from 2 to 65,536, whose product K = Π L_i is at most 2^31 - 1. A level of 2 needs
   * `preserveSymmetry`.
   */
  readonly levels: readonly number[];
  /** Size of the feature axis. Default `levels.length · numCodebooks`; linear projections are added when it differs. */
  readonly dim?: number;
  /** Codebooks per token. Default 1. */
  readonly numCodebooks?: number;
  /** Keeps the trailing codebook axis of the indices. Default `numCodebooks > 1`; may not be false then. */
  readonly keepNumCodebooksDim?: boolean;
  /** Default `channelsLast`. */
  readonly dataFormat?: DataFormat;
  /** Bias in the projections. Default true. */
  readonly projectionHasBias?: boolean;
  /** Evenly spaced codes in [-1, 1] (arXiv:2411.19842) instead of the FSQ paper's quantizer. Default false. */
  readonly preserveSymmetry?: boolean;
  /** Clamps to [-1, 1] in place of tanh. Default false. */
  readonly boundHardClamp?: boolean;
  /** Probability that an element gets noise of up to half a level step while training; needs `preserveSymmetry`. Default 0. */
  readonly noiseDropout?: number;
  /** A fixed random rotation before quantizing, undone after. Default false. */
  readonly orthogonalRotation?: boolean;
  /** Seed of the projections, the rotation and the noise. Default 0. */
  readonly seed?: number;
}

/** {@link FsqOptions} with every default filled in: plain data. */
export type FsqConfig = Required<FsqOptions>;

const OPTIONS = [
  'levels',
  'dim',
  'numCodebooks',
  'keepNumCodebooksDim',
  'dataFormat',
  'projectionHasBias',
  'preserveSymmetry',
  'boundHardClamp',
  'noiseDropout',
  'orthogonalRotation',
  'seed',
] as const;

/** Beyond this many levels neighbouring float32 thresholds are no longer far apart, and their table is large. */
const MAX_LEVELS = 2 ** 16;

const MAX_CODEBOOK_SIZE = 2 ** 31 - 1;

/**
 * Checks every option and fills in the defaults.
 *
 * @param where the function that was called, for errors.
 */
export function resolveOptions(where: string, options: FsqOptions): FsqConfig {
  requireKnownOptions(where, options, OPTIONS);
  const { levels, preserveSymmetry = false, boundHardClamp = false, noiseDropout = 0 } = options;
  requireBoolean(where, 'preserveSymmetry', preserveSymmetry);
  requireBoolean(where, 'boundHardClamp', boundHardClamp);
  requireLevels(where, levels, preserveSymmetry);
  const tokens = resolveTokenOptions(where, options, levels.length);
  requireFraction(where, 'noiseDropout', noiseDropout);
  requireOption(
    noiseDropout === 0 || preserveSymmetry,
    where,
    'noiseDropout',
    '0 unless preserveSymmetry is on',
    noiseDropout,
    'Pass preserveSymmetry: true.',
  );
  const { orthogonalRotation = false } = options;
  requireBoolean(where, 'orthogonalRotation', orthogonalRotation);
  return { ...tokens, levels: [...levels], preserveSymmetry, boundHardClamp, noiseDropout, orthogonalRotation };
}

/** Throws OptionError unless `levels` can be quantized to. */
export function requireLevels(where: string, levels: readonly number[], preserveSymmetry: boolean): void {
  requireOption(
    Array.isArray(levels) && levels.length > 0,
    where,
    'levels',
    'a list of integers >= 2',
    levels,
    'Pass for example [8, 5, 5, 5].',
  );
  for (const [i, level] of levels.entries()) {
    const argument = `levels[${i}]`;
    requireInteger(where, argument, level, 2);
    requireOption(
      level > 2 || preserveSymmetry,
      where,
      argument,
      'an integer >= 3 unless preserveSymmetry is on',
      level,
      'Pass preserveSymmetry: true, or 3 or more levels.',
    );
    requireOption(level <= MAX_LEVELS, where, argument, `at most ${MAX_LEVELS}`, level, 'Use several dimensions.');
  }
  const size = levels.reduce((product, level) => product * level, 1);
  requireOption(
    size <= MAX_CODEBOOK_SIZE,
    where,
    'the product of levels',
    `at most 2^31 - 1 = ${MAX_CODEBOOK_SIZE} (indices are int32)`,
    size,
    `Use fewer or smaller levels than ${show(levels)}, or several codebooks.`,
  );
}
