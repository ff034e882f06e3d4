import type { Measurement, Series } from '../experiment.ts';
import { numberText } from '../markdown.ts';
import type { TokenEvaluation } from './evaluate.ts';
import type { TracePoint, TrainingRun } from './train-tokens.ts';

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

/** `93 %`; one decimal below ten. */
export function percent(share: number): string {
  const value = 100 * share;
  return `${Math.abs(value) < 10 ? Number(value.toFixed(1)) : Math.round(value)} %`;
}

/** Of all seeds' tests one number, such as the used codes. */
export function testSpread(
  runs: readonly TrainingRun[],
  pick: (test: TokenEvaluation) => number | null,
): Spread | null {
  return spreadOf(runs.map(({ test }) => (test === null ? null : pick(test))));
}

/** Text of {@link testSpread}, or when every seed diverged the step where. */
export function testText(
  runs: readonly TrainingRun[],
  pick: (test: TokenEvaluation) => number | null,
  digits = 3,
): string | null {
  const diverged = runs.filter(({ divergedAt }) => divergedAt !== null);
  const text = spreadText(testSpread(runs, pick), digits);
  if (diverged.length === runs.length)
    return `diverged at step ${Math.min(...diverged.map((run) => run.divergedAt ?? 0))}`;
  return diverged.length === 0 || text === null ? text : `${text}; ${diverged.length} of ${runs.length} diverged`;
}

/** One number over the steps: the mean of the seeds, with their lowest and highest as a band. */
export function traceSeries(
  label: string,
  runs: readonly TrainingRun[],
  pick: (point: TracePoint) => number | null | undefined,
): Series {
  const steps = runs[0]?.trace.map(({ step }) => step) ?? [];
  const rows = steps.flatMap((step) => {
    const spread = spreadOf(runs.map(({ trace }) => pick(trace.find((point) => point.step === step) ?? NOTHING)));
    return spread === null ? [] : [{ step, spread }];
  });
  return {
    label,
    points: rows.map(({ step, spread }) => [step, spread.mean]),
    spread: rows.map(({ spread }) => [spread.low, spread.high]),
  };
}

const NOTHING: TracePoint = {
  step: -1,
  loss: null,
  reconstruction: null,
  losses: {},
  gradients: { encoder: null, quantizer: null, decoder: null },
  lossGradient: null,
  probe: null,
};

/** For `pnpm bench compare`. */
export function measurement(
  name: string,
  unit: string,
  better: 'lower' | 'higher',
  runs: readonly TrainingRun[],
  pick: (test: TokenEvaluation) => number | null,
): Measurement[] {
  const spread = testSpread(runs, pick);
  return spread === null ? [] : [{ name, unit, better, samples: spread.samples }];
}

/** The last point of a trace. */
export function lastPoint(run: TrainingRun): TracePoint {
  return run.trace.at(-1) ?? NOTHING;
}
