import type { CodeHistogram, TrainRecord, ValidationRecord } from '@vqkit/training';
import type { ReportData } from '../report-data.ts';

export type Point = readonly [x: number, y: number];

/** More points than a chart has pixels only make the file large. */
const MOST_POINTS = 400;

/** One number of the training records over the steps. */
export function trainCurve(data: ReportData, value: (record: TrainRecord) => number | undefined): Point[] {
  const records = data.history.filter((record): record is TrainRecord => record.kind === 'train');
  return thinned(records.map((record) => [record.step, value(record) ?? Number.NaN]));
}

/** One number of the validation records over the steps. */
export function validationCurve(data: ReportData, value: (record: ValidationRecord) => number | null): Point[] {
  const records = data.history.filter((record): record is ValidationRecord => record.kind === 'validation');
  return thinned(records.map((record) => [record.step, value(record) ?? Number.NaN]));
}

/** Uses of every code from the most to the least frequent, against the rank 1 … K; unused codes count 0 and are left out. */
export function rankedUses({ counts }: CodeHistogram): Point[] {
  const sorted = Float64Array.from(counts).sort().reverse();
  const ranks = Math.min(sorted.length, MOST_POINTS);
  return Array.from({ length: ranks }, (_, i): Point => {
    const rank = ranks < 2 ? 0 : Math.round((i * (sorted.length - 1)) / (ranks - 1));
    return [rank + 1, sorted[rank] as number];
  });
}

/** Means of neighbouring points, so that at most {@link MOST_POINTS} are left. */
function thinned(points: readonly Point[]): Point[] {
  const group = Math.ceil(points.length / MOST_POINTS);
  if (group <= 1) return [...points];
  return Array.from({ length: Math.ceil(points.length / group) }, (_, i): Point => {
    const part = points.slice(i * group, (i + 1) * group);
    return [mean(part.map(([x]) => x)), mean(part.map(([, y]) => y))];
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
