import {
  requireBoolean,
  requireFraction,
  requireInteger,
  requireKnownOptions,
  requireOneOf,
  requireOption,
} from '@vqkit/core-tensor/check';
import { show } from '@vqkit/core-tensor/errors';
import { type DataFormat, resolveTokenOptions } from '@vqkit/core-tensor/token-options';
import { FSQ_BOUNDS, type FsqBound, type FsqQuantizer } from './levels.ts';

export interface FsqOptions {
  /**
   * Levels L_i of each code dimension: integers from 2 to 65,536, whose product K = Π L_i is at most 2^31 - 1. A level of 2 needs
   * `preserveSymmetry` or `bound: 'official'`.
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
  /**
   * Whose bounding function: `reference` (vector-quantize-pytorch), `official` (the notebook of the FSQ paper, at most 1,000 levels),
   * `s3Tokenizer` (CosyVoice, 3 levels each), `twice` (X-Codec2 and NeuCodec; codecs only), or `hardClamp`, a clamp to [-1, 1] in place of tanh; `preserveSymmetry` goes with the first
   * and the last. Default `hardClamp` with `boundHardClamp`, else `reference`.
   */
  readonly bound?: FsqBound;
  /** The reference library's name for `bound: 'hardClamp'`. Default false. */
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
  'bound',
  'boundHardClamp',
  'noiseDropout',
  'orthogonalRotation',
  'seed',
] as const;

/** Fewest and most levels of published code. The range of `official` is narrower than its levels: from 1,001 on it misses the outermost. */
const PUBLISHED_LEVELS: { readonly [bound in FsqBound]?: readonly [number, number] } = {
  official: [2, 1000],
  s3Tokenizer: [3, 3],
};

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
  const { levels, noiseDropout = 0 } = options;
  const { bound, preserveSymmetry } = resolveQuantizer(where, options);
  requireLevels(where, levels, { bound, preserveSymmetry });
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
  return {
    ...tokens,
    levels: [...levels],
    preserveSymmetry,
    bound,
    boundHardClamp: bound === 'hardClamp',
    noiseDropout,
    orthogonalRotation,
  };
}

/** What decides where the levels are, with the defaults filled in. */
export function resolveQuantizer(
  where: string,
  options: Pick<FsqOptions, 'bound' | 'boundHardClamp' | 'preserveSymmetry'>,
): FsqQuantizer {
  const { preserveSymmetry = false, boundHardClamp } = options;
  requireBoolean(where, 'preserveSymmetry', preserveSymmetry);
  if (boundHardClamp !== undefined) requireBoolean(where, 'boundHardClamp', boundHardClamp);
  const { bound = boundHardClamp ? 'hardClamp' : 'reference' } = options;
  const allowed = FSQ_BOUNDS.filter(
    (name, i) => (!preserveSymmetry || i < 2) && boundHardClamp !== (name !== 'hardClamp'),
  );
  const given = preserveSymmetry
    ? ' with preserveSymmetry'
    : boundHardClamp === undefined
      ? ''
      : ' with boundHardClamp';
  requireOneOf(where, `bound${given}`, bound, allowed);
  return { bound, preserveSymmetry };
}

/** Throws OptionError unless `levels` can be quantized to. */
export function requireLevels(
  where: string,
  levels: readonly number[],
  { bound, preserveSymmetry }: FsqQuantizer,
): void {
  requireOption(
    Array.isArray(levels) && levels.length > 0,
    where,
    'levels',
    'a list of integers >= 2',
    levels,
    'Pass for example [8, 5, 5, 5].',
  );
  const published = PUBLISHED_LEVELS[bound];
  for (const [i, level] of levels.entries()) {
    const argument = `levels[${i}]`;
    requireInteger(where, argument, level, 2);
    if (published) requireInteger(where, `${argument} with bound ${bound}`, level, ...published);
    requireOption(
      level > 2 || preserveSymmetry || published !== undefined,
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
