import {
  MAX_CODEBOOK_ENTROPY_BITS,
  requireBoolean,
  requireKnownOptions,
  requireNonNegative,
  requireOneOf,
  requireOption,
  requireSchedule,
} from '@vqkit/core-tensor';
import type { Schedule } from '@vqkit/core-tensor/schedule';
import { MAX_CLAMPED_BITS } from '@vqkit/losses';
import {
  bitsOf,
  codebookSizeOf,
  type LfqCodeOptions,
  OPTIONS,
  resolveQuantization,
  resolveShape,
} from './code-options.ts';

export const WHERE = 'createLfq';

/** Whose straight-through gradient a spherical code has. */
export type SphericalGradient = 'reference' | 'official';

export interface LfqOptions extends LfqCodeOptions {
  /** Weight of H(c|x) - γ H(c) in the loss. Default 0.1. */
  readonly entropyLossWeight?: number;
  /** Weight of mean((x - sg q)²) in the loss. Default 0. */
  readonly commitmentLossWeight?: number;
  /** Weight of mean((x² - s²)²/s²) in the loss, s = `codebookScale`, on the features before they are normalised. Default 0. */
  readonly unitNormLossWeight?: number;
  /** γ: how much an even use of the codes counts against decided bits. Default 1. */
  readonly diversityGamma?: number;
  /** Inverse temperature τ of the entropies, > 0, or a schedule over `step`. Default 100. */
  readonly invTemperature?: Schedule;
  /** Share of the tokens in the per-sample entropy, in (0, 1]; drawn anew in each call, at least one token. Default 1. */
  readonly fracPerSampleEntropy?: number;
  /** Replaces the entropy term by softplus(term + `entropyLossOffset`), which is positive. Default false. */
  readonly experimentalSoftplusEntropyLoss?: boolean;
  /** Default 5. */
  readonly entropyLossOffset?: number;
  /**
   * With several codebooks: H(c) of the mean probabilities over tokens and codebooks together, as in Open-MAGVIT2, in place of the mean
   * of each codebook's own H(c). Default false.
   */
  readonly pooledCodebookEntropy?: boolean;
  /**
   * With `spherical`: `reference` passes the gradient of `quantized` to the normalised features unchanged, as vector-quantize-pytorch;
   * `official` passes 1/√d of it, as the code of the BSQ paper, which scales by 1/√d after the straight-through estimator. Default
   * `reference`.
   */
  readonly sphericalGradient?: SphericalGradient;
  /** Clamps probabilities inside the logarithm as the reference library does (1e-5), for comparison, d <= 12. Default null: exact. */
  readonly entropyEps?: number | null;
}

/** {@link LfqOptions} with every default filled in: plain data. */
export type LfqConfig = Required<LfqOptions>;

export function resolve(options: LfqOptions): LfqConfig {
  requireKnownOptions(WHERE, options, OPTIONS);
  return { ...resolveShape(WHERE, options), ...resolveQuantization(WHERE, options), ...loss(options) };
}

type LossOptions = Exclude<keyof LfqConfig, keyof LfqCodeOptions>;

/** What is minimised, and the gradient that training has. */
function loss(options: LfqOptions): Pick<LfqConfig, LossOptions> {
  const { entropyLossWeight = 0.1, commitmentLossWeight = 0, unitNormLossWeight = 0, diversityGamma = 1 } = options;
  requireNonNegative(WHERE, 'entropyLossWeight', entropyLossWeight);
  requireNonNegative(WHERE, 'commitmentLossWeight', commitmentLossWeight);
  requireNonNegative(WHERE, 'unitNormLossWeight', unitNormLossWeight);
  requireNonNegative(WHERE, 'diversityGamma', diversityGamma);
  const bits = bitsOf({ codebookSize: codebookSizeOf(WHERE, options, options.numCodebooks ?? 1) });
  requireOption(
    bits <= MAX_CODEBOOK_ENTROPY_BITS || entropyLossWeight === 0,
    WHERE,
    'codebookSize',
    `at most 2^${MAX_CODEBOOK_ENTROPY_BITS} for the entropy loss`,
    2 ** bits,
    'Pass entropyLossWeight: 0, or several codebooks of fewer bits.',
  );
  const { invTemperature = 100, fracPerSampleEntropy = 1, experimentalSoftplusEntropyLoss = false } = options;
  requireSchedule(WHERE, 'invTemperature', invTemperature);
  requireOption(
    typeof fracPerSampleEntropy === 'number' && fracPerSampleEntropy > 0 && fracPerSampleEntropy <= 1,
    WHERE,
    'fracPerSampleEntropy',
    'a number above 0 and at most 1',
    fracPerSampleEntropy,
    'Use 1 for all tokens.',
  );
  requireBoolean(WHERE, 'experimentalSoftplusEntropyLoss', experimentalSoftplusEntropyLoss);
  const { entropyLossOffset = 5, entropyEps = null, pooledCodebookEntropy = false } = options;
  requireBoolean(WHERE, 'pooledCodebookEntropy', pooledCodebookEntropy);
  const { sphericalGradient = 'reference' } = options;
  requireOneOf(WHERE, 'sphericalGradient', sphericalGradient, ['reference', 'official']);
  requireOption(
    options.spherical === true || sphericalGradient === 'reference',
    WHERE,
    'sphericalGradient',
    "'reference' unless spherical is on",
    sphericalGradient,
    'Pass spherical: true.',
  );
  requireOption(
    Number.isFinite(entropyLossOffset),
    WHERE,
    'entropyLossOffset',
    'a finite number',
    entropyLossOffset,
    'Leave it out for 5.',
  );
  if (entropyEps !== null) {
    requireOption(
      typeof entropyEps === 'number' && entropyEps > 0 && entropyEps < 1,
      WHERE,
      'entropyEps',
      'a number between 0 and 1',
      entropyEps,
      'Use 1e-5 for parity with the reference library, or leave it out for the exact entropy.',
    );
    const fix = 'Leave entropyEps out: the exact entropy needs no matrix of all codes.';
    const rule = `at most 2^${MAX_CLAMPED_BITS} with entropyEps`;
    requireOption(bits <= MAX_CLAMPED_BITS, WHERE, 'codebookSize', rule, 2 ** bits, fix);
  }
  return {
    entropyLossWeight,
    commitmentLossWeight,
    unitNormLossWeight,
    diversityGamma,
    invTemperature,
    fracPerSampleEntropy,
    experimentalSoftplusEntropyLoss,
    entropyLossOffset,
    pooledCodebookEntropy,
    sphericalGradient,
    entropyEps,
  };
}
