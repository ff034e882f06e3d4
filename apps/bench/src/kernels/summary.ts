import type { Table, Verdict } from '../experiment.ts';
import { numberText } from '../markdown.ts';
import type { ContenderName } from './contender.ts';
import type { Floor } from './floors.ts';
import { type Limits, secondsAtLimit } from './limits.ts';
import { leastOf, type Measured } from './measure.ts';
import type { Row } from './rows.ts';
import { leastWork } from './work.ts';

/** A row as it was measured with a number of threads. */
export interface RowResult {
  readonly row: Row;
  readonly threads: number;
  readonly measured: readonly Measured[];
  readonly floor?: Floor | undefined;
}

/** The fastest repetition of a contender; undefined when it was not measured. */
function fastest({ measured }: RowResult, name: ContenderName): number | undefined {
  return leastOf(measured.find(({ contender }) => contender === name));
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
  const peak = (perSecond: number): string => `${(perSecond / 1e9).toFixed(1)} a second`;
  return {
    title: 'Distance from the limit, vqkit, one thread',
    columns: [
      'work',
      'ms',
      'least MB moved',
      `least GFLOP of float32 (peak ${peak(limits.flopsPerSecond)})`,
      `least Gop of int16 (peak ${peak(limits.int16PerSecond)})`,
      'ms at the limit',
      'share of the limit',
    ],
    rows: results.flatMap((result) => {
      const least = leastWork(result.row.work);
      const ms = fastest(result, 'vqkit');
      if (ms === undefined) return [];
      const limitMs = 1000 * secondsAtLimit(least, limits);
      return [[result.row.title, ms, least.bytes / 1e6, least.flops / 1e9, least.int16 / 1e9, limitMs, limitMs / ms]];
    }),
  };
}

/** What a goal asks for beside what 128-bit vectors can do at best: every goal that is missed, and every work that has a floor. */
export function floorTable(results: readonly RowResult[]): Table {
  return {
    title: 'Goals and the floor of 128-bit vectors',
    columns: [
      'work',
      'threads',
      'goal, ms',
      'vqkit, ms',
      'floor of moving the data, ms',
      'floor with the comparisons, ms',
      'the goal is',
    ],
    rows: results
      .filter((result) => result.floor !== undefined || meets(result) === false)
      .map((result) => [
        result.row.title,
        result.threads,
        neededMs(result),
        fastest(result, 'vqkit') ?? null,
        result.floor?.moveMs ?? null,
        result.floor === undefined ? null : (result.floor.compareMs ?? 'none needed'),
        placeOf(result) ?? '-',
      ]),
  };
}

/** The time in which a goal is reached. */
function neededMs(result: RowResult): number | null {
  const { goal } = result.row;
  if (goal.kind === 'bounds') return goal.ms;
  const theirs = fastest(result, 'torch');
  return goal.kind === 'none' || theirs === undefined ? null : theirs / goal.times;
}

function placeOf(result: RowResult): string | undefined {
  const needed = neededMs(result);
  if (needed === null || result.floor === undefined) return undefined;
  const { moveMs, compareMs } = result.floor;
  if (needed < moveMs) return 'below the floor';
  return compareMs !== null && needed < compareMs ? 'below the floor of comparing' : 'above the floor';
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
      remark: unknown ? reasonOf(counted, hasReference) : counted.map(missedText).filter(Boolean).join('; '),
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

/** How much is missing from a goal that is not reached, and what of that is to be had. */
function missedText(result: RowResult): string {
  const [needed, ours] = [neededMs(result), fastest(result, 'vqkit')];
  if (meets(result) !== false || needed === null || ours === undefined) return '';
  const { floor, threads } = result;
  const least = floor?.compareMs ?? floor?.moveMs;
  const what = floor?.compareMs == null ? 'moving the data alone' : 'moving the data and comparing alone';
  return [
    `${threads} thread${threads === 1 ? '' : 's'}: needs ${numberText(needed)} ms, has ${numberText(ours)}`,
    ...(least === undefined ? [] : [`${what} takes ${numberText(least)} in 128-bit vectors`]),
  ].join(', ');
}

function reasonOf(results: readonly RowResult[], hasReference: boolean): string {
  if (!hasReference) return 'No Python with torch and vector-quantize-pytorch was named or found.';
  const failed = results.flatMap(({ measured }) =>
    measured.filter(({ contender, timesMs }) => ['vqkit', 'torch'].includes(contender) && timesMs.length === 0),
  );
  return failed.map(({ contender, note }) => `${contender}: ${note}`).join('; ');
}

/** What is told apart in the headline: one number for all would be of nothing in particular. */
const KINDS = [
  { name: 'the nearest of 8,192 codes', label: /^SimVQ encode .*, (D=\d+)$/ },
  { name: "LFQ's loss alone", label: /^LFQ train step .*, (d=\d+)$/ },
] as const;

/** The answer in words. */
export function answerOf(results: readonly RowResult[], hasReference: boolean): string {
  const verdicts = goalVerdicts(results, hasReference);
  const reached = verdicts.filter(({ verdict }) => verdict === 'reproduced').length;
  const decided = verdicts.filter(({ verdict }) => verdict !== 'beyond reach here').length;
  const sentences: string[] = [];
  const compared = results.filter((result) => ratioOf(result) !== null);
  if (compared.length > 0) {
    const alone = compared.filter(
      ({ row, threads }, i) => compared.findIndex((other) => other.row === row) === i || threads === 1,
    );
    const kinds = KINDS.flatMap(({ name, label }) => {
      const kind = alone.flatMap((result) => {
        const found = label.exec(result.row.title)?.[1];
        return found === undefined ? [] : [`${found} ${numberText(ratioOf(result) ?? 0)}×`];
      });
      return kind.length === 0 ? [] : [`${name}: ${kind.join(', ')}`];
    });
    sentences.push(
      ...(kinds.length === 0
        ? []
        : [`**Speed over that of the reference library. ${kinds.join('; ').replace(/^t/, 'T')}.**\n`]),
      'The reference library runs on PyTorch, vqkit on WebAssembly, each on one thread; all works are in the first table. A whole training step, networks included, is another matter: [recipe-speed](recipe-speed.md).',
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
