import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fiveNumbers } from '../order-statistics.ts';
import { type Contender, type ContenderName, startContender } from './contender.ts';
import { waitForQuiet } from './quiet.ts';
import type { Work } from './work.ts';

/** What one contender did. */
export interface Measured {
  readonly contender: ContenderName;
  /** Milliseconds of each repetition, in a results file the least, the quartiles and the largest; empty when it failed. */
  readonly timesMs: readonly number[];
  /** Peak memory of its whole process; null when it failed. */
  readonly peakMiB: number | null;
  /** Ids that differ from vqkit's; null where the work gives none. */
  readonly idsThatDiffer: number | null;
  /** Kernels that ran fused, or why it failed. */
  readonly note: string;
  /** Why it was not timed, where it did run. */
  readonly untimed?: string;
  /** Turns that began although the machine was busy with something else. */
  readonly busyTurns: number;
}

/** As a part of a result keeps it. */
export function keptTimes(measured: readonly Measured[]): readonly Measured[] {
  return measured.map((one) => ({ ...one, timesMs: fiveNumbers(one.timesMs) }));
}

/** The fastest repetition in milliseconds; undefined when there is none. */
export function leastOf(measured: Measured | undefined): number | undefined {
  const times = measured?.timesMs ?? [];
  return times.length === 0 ? undefined : Math.min(...times);
}

/** The median of the repetitions in milliseconds; undefined when there are none. */
export function medianOf(measured: Measured | undefined): number | undefined {
  const sorted = [...(measured?.timesMs ?? [])].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

export interface MeasureOptions {
  readonly contenders: readonly ContenderName[];
  readonly threads: number;
  readonly python: string | undefined;
  /** Where ids are written for a moment. */
  readonly folder: string;
  /** Turns of each contender. */
  readonly rounds: number;
  /** Longest time for all turns of one contender; beyond it the repetitions get fewer, but not below `leastRepetitions`. */
  readonly budgetMs: number;
  readonly leastRepetitions: number;
  /** So long each runs before it is timed. Compilers of JavaScript and WebAssembly take hundreds of milliseconds to be done. */
  readonly warmUpMs: number;
  /** Longest time that all turns together wait for a quiet machine. */
  readonly patienceMs: number;
  readonly onProgress?: (share: number) => void;
}

/** About as long is one turn of a contender whose work is short. */
const TURN_MS = 60;
const MOST_PER_TURN = 40;
/** Each turn begins with runs of about this long that are not counted: caches hold another's data, and threads sleep, both on one core. */
const TURN_WARM_UP_MS = 30;
const MOST_RUNS = 2000;

/**
 * Measures all contenders in turns, so that whatever else the machine does meets all of them alike, and each as it runs when it is
 * alone: it has prepared and warmed up before the first turn, and a turn begins when nothing runs any more, not a contender's threads
 * either, which spin for a while after a parallel section.
 */
export async function measure(work: Work, options: MeasureOptions): Promise<Measured[]> {
  const { contenders, threads, python, folder, rounds } = options;
  const failed = new Map<ContenderName, string>();
  const runners: {
    contender: Contender;
    discarded: number;
    perTurn: number;
    turns: number;
    note: string;
    untimed?: string;
    timesMs: number[];
    busyTurns: number;
  }[] = [];
  let { patienceMs } = options;
  try {
    for (const name of contenders) {
      let contender: Contender | undefined;
      try {
        contender = startContender(name, { python, threads });
        const { note = '', untimed } = await contender.ask<{ note?: string; untimed?: string }>({
          do: 'prepare',
          work,
          threads,
        });
        const planned =
          untimed === undefined
            ? plan(await warmUp(contender, options.warmUpMs), options)
            : { untimed, discarded: 0, perTurn: 0, turns: 0 };
        runners.push({ contender, ...planned, note, timesMs: [], busyTurns: 0 });
      } catch (error) {
        contender?.stop();
        failed.set(name, (error as Error).message);
      }
    }
    for (let turn = 0; turn < rounds; turn++) {
      for (const runner of runners) {
        const { contender, discarded, perTurn, turns, timesMs } = runner;
        if (turn >= turns || failed.has(contender.name)) continue;
        const { waitedMs, quiet } = await waitForQuiet(patienceMs);
        patienceMs = Math.max(0, patienceMs - waitedMs);
        if (!quiet) runner.busyTurns++;
        try {
          const { timesMs: given } = await contender.ask<{ timesMs: number[] }>({
            do: 'measure',
            count: perTurn + discarded,
          });
          timesMs.push(...given.slice(discarded));
        } catch (error) {
          failed.set(contender.name, (error as Error).message);
        }
      }
      options.onProgress?.((turn + 1) / rounds);
    }
    const results = new Map<ContenderName, Measured>();
    let ours: Int32Array | undefined;
    for (const { contender, note, untimed, timesMs, busyTurns } of runners) {
      const { name } = contender;
      if (failed.has(name)) continue;
      const { peakMiB } = await contender.ask<{ peakMiB: number }>({ do: 'memory' });
      const ids = work.op === 'encode' ? await readIds(contender, join(folder, `${name}.ids`)) : undefined;
      if (name === 'vqkit') ours = ids;
      results.set(name, {
        contender: name,
        timesMs,
        peakMiB,
        idsThatDiffer: differing(ours, ids),
        note,
        busyTurns,
        ...(untimed === undefined ? {} : { untimed }),
      });
    }
    return contenders.map(
      (name) =>
        results.get(name) ?? {
          contender: name,
          timesMs: [],
          peakMiB: null,
          idsThatDiffer: null,
          note: failed.get(name) ?? '',
          busyTurns: 0,
        },
    );
  } finally {
    for (const { contender } of runners) contender.stop();
  }
}

/** Runs the work until it is as fast as it gets, and says how long one run then takes. */
export async function warmUp(contender: Contender, leastMs: number): Promise<number> {
  const run = async (count: number): Promise<number[]> =>
    (await contender.ask<{ timesMs: number[] }>({ do: 'measure', count })).timesMs;
  const [first = 0] = await run(1);
  if (first > 2000) return first;
  let best = first;
  const start = performance.now();
  do {
    best = Math.min(best, ...(await run(runsOf(Math.max(leastMs / 4, 2 * best), best))));
  } while (performance.now() - start < leastMs);
  return best;
}

/** How many runs take about so long. */
function runsOf(ms: number, perRunMs: number): number {
  return Math.max(1, Math.min(MOST_RUNS, Math.ceil(ms / Math.max(perRunMs, 1e-3))));
}

function plan(
  perRunMs: number,
  { rounds, budgetMs, leastRepetitions }: MeasureOptions,
): { discarded: number; perTurn: number; turns: number } {
  const affordable = Math.max(leastRepetitions, Math.floor(budgetMs / perRunMs));
  const perTurn = Math.max(
    1,
    Math.ceil(leastRepetitions / rounds),
    Math.min(MOST_PER_TURN, Math.floor(TURN_MS / perRunMs), Math.floor(affordable / rounds)),
  );
  return {
    discarded: perTurn > 1 ? runsOf(TURN_WARM_UP_MS, perRunMs) : 0,
    perTurn,
    turns: Math.min(rounds, Math.ceil(affordable / perTurn)),
  };
}

async function readIds(contender: Contender, path: string): Promise<Int32Array | undefined> {
  const { written } = await contender.ask<{ written: boolean }>({ do: 'indices', path });
  if (!written) return undefined;
  const { buffer, byteOffset, byteLength } = await readFile(path);
  return new Int32Array(buffer.slice(byteOffset, byteOffset + byteLength));
}

function differing(ours: Int32Array | undefined, ids: Int32Array | undefined): number | null {
  if (ours === undefined || ids === undefined) return null;
  if (ours.length !== ids.length) return Math.max(ours.length, ids.length);
  return ids.reduce((count, id, i) => count + (id === ours[i] ? 0 : 1), 0);
}
