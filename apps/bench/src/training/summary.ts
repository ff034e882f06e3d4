import type { Measurement, Series } from '../experiment.ts';
import { formatNumber, numberText } from '../markdown.ts';
import type { TokenEvaluation } from './evaluate.ts';
import { type KeptRun, type Quantity, traceOf } from './trace.ts';

/** One quantity over the seeds. */
export interface Spread {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly samples: readonly number[];
}

/** Mean, lowest and highest of the seeds that have a value; null when none has. */
export function spreadOf(values: readonly (number | null | undefined)[]): Spread | null {
  const samples = values.filter((value): value is number => typeof value === 'number' && Number.isFinite(value));
  if (samples.length === 0) return null;
  const mean = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  return { mean, low: Math.min(...samples), high: Math.max(...samples), samples };
}

/** `0.152 (0.148 to 0.158)`; without a spread `0.152`; null stays null, which a table prints as "not measured". */
export function spreadText(spread: Spread | null, digits = 3): string | null {
  if (spread === null) return null;
  const [mean, low, high] = [spread.mean, spread.low, spread.high].map((value) => numberText(value, digits));
  return low === high ? (mean as string) : `${mean} (${low} to ${high})`;
}

/** The same of something that is counted: whole numbers. */
export function countText(spread: Spread | null): string | null {
  if (spread === null) return null;
  const [mean, low, high] = [spread.mean, spread.low, spread.high].map((value) => formatNumber(Math.round(value)));
  return spread.low === spread.high ? (mean as string) : `${mean} (${low} to ${high})`;
}

/** `93 %`; one decimal below ten. */
export function percent(share: number): string {
  const value = 100 * share;
  return `${Math.abs(value) < 10 ? Number(value.toFixed(1)) : Math.round(value)} %`;
}

/** The mean as {@link percent}; null stays null. */
export function meanPercent(spread: Spread | null): string | null {
  return spread === null ? null : percent(spread.mean);
}

/** Of all seeds' tests one number, such as the used codes. */
export function testSpread(runs: readonly KeptRun[], pick: (test: TokenEvaluation) => number | null): Spread | null {
  return spreadOf(runs.map(({ test }) => (test === null ? null : pick(test))));
}

/** Text of {@link testSpread}, or when every seed diverged the step where. */
export function testText(
  runs: readonly KeptRun[],
  pick: (test: TokenEvaluation) => number | null,
  digits = 3,
): string | null {
  return orDiverged(runs, spreadText(testSpread(runs, pick), digits));
}

/** The used codes of the tests, as {@link testText}. */
export function usedText(runs: readonly KeptRun[]): string | null {
  return orDiverged(runs, countText(testSpread(runs, ({ usedCodes }) => usedCodes)));
}

function orDiverged(runs: readonly KeptRun[], text: string | null): string | null {
  const diverged = runs.filter(({ divergedAt }) => divergedAt !== null);
  if (diverged.length === runs.length)
    return `diverged at step ${Math.min(...diverged.map((run) => run.divergedAt ?? 0))}`;
  return diverged.length === 0 || text === null ? text : `${text}; ${diverged.length} of ${runs.length} diverged`;
}

/** One quantity over the steps: the mean of the seeds, with their lowest and highest as a band. Zeros count for nothing on a `log` axis. */
export function traceSeries(label: string, runs: readonly KeptRun[], quantity: Quantity, scale?: 'log'): Series {
  const seen = (value: number | null | undefined): number | null | undefined =>
    scale === 'log' ? value || null : value;
  const steps = runs[0]?.trace.step ?? [];
  const rows = steps.flatMap((step) => {
    const spread = spreadOf(runs.map((run) => seen(traceOf(run, quantity)[run.trace.step.indexOf(step)])));
    return spread === null ? [] : [{ step, spread }];
  });
  return {
    label,
    points: rows.map(({ step, spread }) => [step, spread.mean]),
    spread: rows.map(({ spread }) => [spread.low, spread.high]),
  };
}

/** A quantity at the first points of the traces. */
export function firstSpread(runs: readonly KeptRun[], quantity: Quantity): Spread | null {
  return spreadOf(runs.map((run) => traceOf(run, quantity)[0]));
}

/** A quantity at the last points of the traces. */
export function lastSpread(runs: readonly KeptRun[], quantity: Quantity): Spread | null {
  return spreadOf(runs.map((run) => traceOf(run, quantity).at(-1)));
}

/** For `pnpm bench compare`. */
export function measurement(
  name: string,
  unit: string,
  better: 'lower' | 'higher',
  runs: readonly KeptRun[],
  pick: (test: TokenEvaluation) => number | null,
): Measurement[] {
  const spread = testSpread(runs, pick);
  return spread === null ? [] : [{ name, unit, better, samples: spread.samples }];
}
