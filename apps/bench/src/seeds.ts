import type { Verdict } from './experiment.ts';
import { numberText } from './markdown.ts';

/** The 97.5 % quantile of Student's t for 1, 2, … degrees of freedom. Beyond the last it is taken as the last, which is wider. */
const T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

/** How far the mean of one set of seeds lies above that of another, and where the difference lies with 95 % confidence. */
export interface Difference {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The difference of two means over seeds with Welch's interval, its degrees of freedom rounded down; undefined with fewer than two seeds on a
 * side, which show no spread.
 */
export function differenceOf(ours: readonly number[] = [], theirs: readonly number[] = []): Difference | undefined {
  if (ours.length < 2 || theirs.length < 2) return undefined;
  const [a, b] = [momentsOf(ours), momentsOf(theirs)];
  const variance = a.ofMean + b.ofMean;
  const freedom = variance ** 2 / (a.ofMean ** 2 / (ours.length - 1) + b.ofMean ** 2 / (theirs.length - 1));
  const t = T[Math.min(T.length, Math.max(1, Math.floor(freedom))) - 1] as number;
  const half = variance === 0 ? 0 : t * Math.sqrt(variance);
  const mean = a.mean - b.mean;
  return { mean, low: mean - half, high: mean + half };
}

/** Mean, and the variance of the mean. */
function momentsOf(values: readonly number[]): { mean: number; ofMean: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, ofMean: squares / (values.length - 1) / values.length };
}

/** `-1.2 % to 3.4 %`, in shares of `of`. */
export function intervalText({ low, high }: Difference, of: number): string {
  const share = (value: number): string => `${numberText((100 * value) / of, 2)} %`;
  return `${share(low)} to ${share(high)}`;
}

/**
 * Whether two means are the same within `margin`: yes when the whole interval of their difference is, no when none of it is, and
 * else the seeds cannot tell. That two ranges meet decides nothing.
 */
export function sameWithin(difference: Difference | undefined, margin: number): Verdict['verdict'] {
  if (difference === undefined) return 'undecided';
  const { low, high } = difference;
  if (low >= -margin && high <= margin) return 'reproduced';
  return low > margin || high < -margin ? 'not reproduced' : 'undecided';
}

/** Whether the first mean is the lower one: only when the whole interval of the difference says so. */
export function isLower(difference: Difference | undefined): Verdict['verdict'] {
  if (difference === undefined) return 'undecided';
  if (difference.high < 0) return 'reproduced';
  return difference.low > 0 ? 'not reproduced' : 'undecided';
}

/** Whether a gain is below `least`, and so none worth the name: only when the whole interval says so; above 0 it is one. */
export function isBelow(gain: Difference | undefined, least: number): Verdict['verdict'] {
  if (gain === undefined) return 'undecided';
  if (gain.high < least) return 'reproduced';
  return gain.low > 0 ? 'not reproduced' : 'undecided';
}

/** One verdict about several settings: reproduced in all, not in one, or undecided. */
export function inAll(verdicts: readonly Verdict['verdict'][]): Verdict['verdict'] {
  if (verdicts.includes('not reproduced')) return 'not reproduced';
  return verdicts.every((verdict) => verdict === 'reproduced') ? 'reproduced' : 'undecided';
}
