import { requireInteger, requireNonNegative, requireOneOf, requireOption, requirePositive } from '@vqkit/core-tensor';

export interface LearningRateOptions {
  /** The rate after the warm-up. */
  readonly base: number;
  /** Steps over which it rises to that. Default 0. */
  readonly warmupSteps?: number | undefined;
  /** What it does then: stay, or fall along half a cosine to `minimum` at `steps`. Default `constant`. */
  readonly decay?: 'constant' | 'cosine' | undefined;
  /** Of the whole training, the warm-up too. Only `cosine` needs it. */
  readonly steps?: number | undefined;
  /** Where a cosine ends. Default 0. */
  readonly minimum?: number | undefined;
}

/**
 * The learning rate of a step, counted from 0: rises linearly over `warmupSteps` (base/warmupSteps at step 0, base at step
 * warmupSteps - 1), then stays, or falls as `minimum + (base - minimum)(1 + cos πt)/2`, t the share done of the steps after the warm-up.
 *
 * Source of the cosine: Loshchilov, Hutter, "SGDR", arXiv:1608.03983.
 * @throws OptionError when an option breaks its rule.
 * @example
 * learningRateAt(0, { base: 3e-4, warmupSteps: 100 }); // 3e-6
 * learningRateAt(1000, { base: 3e-4, warmupSteps: 100, decay: 'cosine', steps: 1000 }); // 0
 */
export function learningRateAt(step: number, options: LearningRateOptions): number {
  const where = 'learningRateAt';
  const { base, warmupSteps = 0, decay = 'constant', steps, minimum = 0 } = options;
  requirePositive(where, 'base', base);
  requireInteger(where, 'warmupSteps', warmupSteps, 0);
  requireOneOf(where, 'decay', decay, ['constant', 'cosine']);
  requireNonNegative(where, 'minimum', minimum);
  if (decay === 'cosine') {
    const least = warmupSteps + 1;
    requireOption(
      steps !== undefined && Number.isInteger(steps) && steps >= least,
      where,
      'steps',
      `an integer >= ${least} because decay is 'cosine'`,
      steps,
      'Pass the steps of the whole training.',
    );
  }
  if (step + 1 < warmupSteps) return (base * (step + 1)) / warmupSteps;
  if (decay === 'constant' || steps === undefined) return base;
  const after = Math.max(0, step - warmupSteps);
  const share = after >= steps - warmupSteps ? 0 : (1 + Math.cos((Math.PI * after) / (steps - warmupSteps))) / 2;
  return minimum + (base - minimum) * share;
}
