import type { Verdict } from './experiment.ts';
import { numberText } from './markdown.ts';

/** The 97.5 % quantile of Student's t for 1, 2, … degrees of freedom. Beyond the last it is taken as the last, which is wider. */
const T = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101,
];

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

/**
 * How many times as large the first mean is, with its 95 % interval, by the logarithms of the seeds: of what differs by factors. Undefined where a
 * side has fewer than two seeds, or a value that is not above 0.
 */
export function factorOf(ours: readonly number[] = [], theirs: readonly number[] = []): Difference | undefined {
  const { mean, low, high } = differenceOf(ours.map(Math.log), theirs.map(Math.log)) ?? {};
  if (mean === undefined || low === undefined || high === undefined || !Number.isFinite(high - low)) return undefined;
  return { mean: Math.exp(mean), low: Math.exp(low), high: Math.exp(high) };
}

/** The mean of the differences of pairs, such as two trainings from one start, with its 95 % interval; undefined of fewer than two. */
export function pairedDifferenceOf(ours: readonly number[], theirs: readonly number[]): Difference | undefined {
  const differences = ours.map((value, i) => value - (theirs[i] as number));
  if (differences.length < 2 || theirs.length !== ours.length) return undefined;
  const { mean, ofMean } = momentsOf(differences);
  const half = (T[Math.min(T.length, differences.length - 1) - 1] as number) * Math.sqrt(ofMean);
  return { mean, low: mean - half, high: mean + half };
}

/** A choice that was made on other seeds than those that it is judged by. */
export interface Tuned {
  /** Of each seed, at the setting that the other half of the seeds chose. */
  readonly samples: readonly number[];
  /** The settings that the two halves chose, by their places. */
  readonly chosen: readonly [byFirst: number, bySecond: number];
}

/**
 * Chooses among settings, each with one value a seed, where lower is better: the first half of the seeds chooses by its mean for the second, and
 * the second for the first. A value that is not finite loses.
 * @param judged what the seeds are judged by, of the same settings, where that is another quantity than what the setting is chosen by.
 */
export function tunedOf(
  settings: readonly (readonly number[])[],
  judged: readonly (readonly number[])[] = settings,
): Tuned {
  const half = Math.ceil((settings[0]?.length ?? 0) / 2);
  const best = (from: number, to?: number): number => {
    const means = settings.map((values) => {
      const { mean } = momentsOf(values.slice(from, to));
      return Number.isFinite(mean) ? mean : Number.POSITIVE_INFINITY;
    });
    return means.indexOf(Math.min(...means));
  };
  const chosen = [best(0, half), best(half)] as const;
  const at = (setting: number): readonly number[] => judged[setting] ?? [];
  return { samples: [...at(chosen[1]).slice(0, half), ...at(chosen[0]).slice(half)], chosen };
}

/** Mean, and the variance of the mean. */
function momentsOf(values: readonly number[]): { mean: number; ofMean: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, ofMean: squares / (values.length - 1) / values.length };
}

/** `0.58 times (0.55 to 0.61)`. */
export function factorText(factor: Difference | undefined): string {
  if (factor === undefined) return 'not comparable';
  const [mean, low, high] = [factor.mean, factor.low, factor.high].map((value) => numberText(value, 2));
  return `${mean} times (${low} to ${high})`;
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

/** The one with the lowest mean, and in brackets those that the seeds cannot tell from it: `FSQ (not told apart from SimVQ)`. */
export function lowestText<T>(
  candidates: readonly T[],
  nameOf: (one: T) => string,
  samplesOf: (one: T) => readonly number[] | undefined,
): string {
  const known = candidates.filter((one) => (samplesOf(one)?.length ?? 0) > 0);
  const meanOf = (one: T): number => momentsOf(samplesOf(one) ?? []).mean;
  const [best, ...others] = [...known].sort((a, b) => meanOf(a) - meanOf(b));
  if (best === undefined) return 'none';
  const tied = others.filter((one) => isLower(differenceOf(samplesOf(best), samplesOf(one))) !== 'reproduced');
  return tied.length === 0 ? nameOf(best) : `${nameOf(best)} (not told apart from ${tied.map(nameOf).join(' and ')})`;
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
