import type { Table, Verdict } from '../experiment.ts';
import { numberText } from '../training/summary.ts';
import type { ContenderName } from './contender.ts';
import { type Limits, secondsAtLimit } from './limits.ts';
import type { Measured } from './measure.ts';
import type { Row } from './rows.ts';
import { leastWork } from './work.ts';

/** A row as it was measured with a number of threads. */
export interface RowResult {
  readonly row: Row;
  readonly threads: number;
  readonly measured: readonly Measured[];
}

/** The fastest repetition of a contender; undefined when it was not measured. */
function fastest({ measured }: RowResult, name: ContenderName): number | undefined {
  const times = measured.find(({ contender }) => contender === name)?.timesMs ?? [];
  return times.length === 0 ? undefined : Math.min(...times);
}

/** How many times as fast as the reference library. */
function ratioOf(result: RowResult): number | null {
  const [ours, theirs] = [fastest(result, 'vqkit'), fastest(result, 'torch')];
  return ours === undefined || theirs === undefined ? null : theirs / ours;
}

function goalText({ goal }: Row): string {
  if (goal.kind === 'ratio') return `${goal.times}×`;
  return goal.kind === 'bounds' ? `≤ ${goal.ms} ms, ≤ ${Math.round(goal.mib)} MiB` : '-';
}

/** Whether a goal is met; undefined when that was not measured. */
function meets(result: RowResult): boolean | undefined {
  const { goal } = result.row;
  const ours = fastest(result, 'vqkit');
  if (goal.kind === 'bounds') {
    const peak = result.measured.find(({ contender }) => contender === 'vqkit')?.peakMiB;
    return ours === undefined || peak == null ? undefined : ours <= goal.ms && peak <= goal.mib;
  }
  const ratio = ratioOf(result);
  return goal.kind === 'none' || ratio === null ? undefined : ratio >= goal.times;
}

export function goalTable(results: readonly RowResult[]): Table {
  return {
    title: 'Against the reference library',
    columns: ['work', 'threads', 'vqkit, ms', 'reference, ms', 'times as fast', 'goal', 'reached'],
    rows: results.map((result) => {
      const met = meets(result);
      return [
        result.row.title,
        result.threads,
        fastest(result, 'vqkit') ?? null,
        fastest(result, 'torch') ?? result.row.withoutTorch ?? null,
        ratioOf(result),
        goalText(result.row),
        met === undefined ? '-' : met ? 'yes' : 'no',
      ];
    }),
  };
}

/** How far each work is from what the machine can do with one thread. */
export function limitTable(results: readonly RowResult[], limits: Limits): Table {
  const gflops = limits.flopsPerSecond / 1e9;
  return {
    title: 'Distance from the limit, vqkit, one thread',
    columns: [
      'work',
      'ms',
      'least MB moved',
      'GB/s',
      'least GFLOP',
      `GFLOP/s (peak ${gflops.toFixed(1)})`,
      'ms at the limit',
      'share of the limit',
    ],
    rows: results.flatMap((result) => {
      const least = leastWork(result.row.work);
      const ms = fastest(result, 'vqkit');
      if (least === undefined || ms === undefined) return [];
      const limitMs = 1000 * secondsAtLimit(least, limits);
      return [
        [
          result.row.title,
          ms,
          least.bytes / 1e6,
          least.bytes / 1e6 / ms,
          least.flops / 1e9,
          least.flops / 1e6 / ms,
          limitMs,
          limitMs / ms,
        ],
      ];
    }),
  };
}

/** One verdict for each goal: it is reached when it is with one thread and with all. */
export function goalVerdicts(results: readonly RowResult[], hasReference: boolean): Verdict[] {
  const rows = [...new Set(results.map(({ row }) => row))].filter(({ goal }) => goal.kind !== 'none');
  return rows.map((row) => {
    const own = results.filter((result) => result.row === row);
    const counted = row.goal.kind === 'bounds' ? own.slice(-1) : own;
    const met = counted.map(meets);
    const unknown = met.includes(undefined);
    return {
      claim: row.title,
      expected: goalText(row),
      measured: counted.map((result) => measuredText(result)).join('; '),
      verdict: unknown ? 'beyond reach here' : met.every(Boolean) ? 'reproduced' : 'not reproduced',
      remark: unknown ? reasonOf(counted, hasReference) : '',
    };
  });
}

function measuredText(result: RowResult): string {
  const threads = `${result.threads} thread${result.threads === 1 ? '' : 's'}`;
  const ours = fastest(result, 'vqkit');
  if (ours === undefined) return `${threads}: not measured`;
  if (result.row.goal.kind === 'bounds') {
    const peak = result.measured.find(({ contender }) => contender === 'vqkit')?.peakMiB ?? Number.NaN;
    return `${threads}: ${numberText(ours)} ms, ${Math.round(peak)} MiB`;
  }
  const ratio = ratioOf(result);
  return `${threads}: ${ratio === null ? 'not measured' : `${numberText(ratio)}×`}`;
}

function reasonOf(results: readonly RowResult[], hasReference: boolean): string {
  if (!hasReference) return 'No Python with torch and vector-quantize-pytorch was named or found.';
  const failed = results.flatMap(({ measured }) =>
    measured.filter(({ contender, timesMs }) => ['vqkit', 'torch'].includes(contender) && timesMs.length === 0),
  );
  return failed.map(({ contender, note }) => `${contender}: ${note}`).join('; ');
}

/** The answer in words. */
export function answerOf(results: readonly RowResult[], hasReference: boolean): string {
  const verdicts = goalVerdicts(results, hasReference);
  const reached = verdicts.filter(({ verdict }) => verdict === 'reproduced').length;
  const decided = verdicts.filter(({ verdict }) => verdict !== 'beyond reach here').length;
  const sentences: string[] = [];
  const compared = results.filter((result) => ratioOf(result) !== null);
  if (compared.length > 0) {
    const phrases = compared
      .filter(({ row, threads }, i) => compared.findIndex((other) => other.row === row) === i || threads === 1)
      .map((result) => `${result.row.title}: **${numberText(ratioOf(result) ?? 0)}×**`);
    const ratios = compared.map((result) => ratioOf(result) ?? 0);
    sentences.push(
      `**${numberText(Math.min(...ratios), 2)} to ${numberText(Math.max(...ratios), 2)} times as fast as the reference library.**\n`,
      `Against the reference library on PyTorch, thread for thread, vqkit on WebAssembly is so many times as fast (one thread each, the recipe on all cores):\n\n${phrases.map((phrase) => `- ${phrase}`).join('\n')}\n`,
    );
  } else {
    sentences.push('The reference library was not measured: no Python that has it was named or found.');
  }
  sentences.push(`Of ${decided} goals that could be decided, ${reached} ${reached === 1 ? 'is' : 'are'} reached.`);
  const composed = results.flatMap((result) => {
    const [ours, theirs] = [fastest(result, 'vqkit'), fastest(result, 'composed')];
    return ours === undefined || theirs === undefined ? [] : [theirs / ours];
  });
  if (composed.length > 0) {
    sentences.push(
      `Against its own composition of TensorFlow.js operations it is ${numberText(Math.min(...composed), 2)} to ${numberText(Math.max(...composed), 2)} times as fast.`,
    );
  }
  return sentences.join('\n');
}
