import { requireOption } from '@vqkit/core-tensor/check';
import { type CodeCounts, createCodeCounts } from './code-counts.ts';
import type { LatentMoments } from './latent-moments.ts';
import type { WindowEntry } from './window.ts';

/** Everything that a tracker knows, as plain data that survives JSON. */
export interface TrackerState {
  readonly codebookSize: number;
  readonly numCodebooks: number;
  readonly window: number | 'all';
  readonly totalUpdates: number;
  readonly dim?: number | undefined;
  readonly initialRms?: number | undefined;
  /** Of each codebook every code ever used, its uses within the window, and the update of its last use. */
  readonly books: readonly (readonly (readonly [code: number, count: number, lastUse: number])[])[];
  readonly entries: readonly EntryState[];
}

type EntryState = Omit<WindowEntry, 'indices' | 'moments'> & {
  readonly indices: readonly number[];
  readonly moments?:
    | (Omit<LatentMoments, 'mean' | 'squaredDeviations'> & {
        readonly mean: readonly number[];
        readonly squaredDeviations: readonly number[];
      })
    | undefined;
};

export function bookState(book: CodeCounts): TrackerState['books'][number] {
  const rows: [number, number, number][] = [];
  book.forEach((code, count, lastUse) => {
    rows.push([code, count, lastUse]);
  });
  return rows.sort(([a], [b]) => a - b);
}

export function bookFrom(rows: TrackerState['books'][number]): CodeCounts {
  const book = createCodeCounts();
  for (const [code, count, lastUse] of rows) book.put(code, count, lastUse);
  return book;
}

export function entryState({ indices, moments, ...rest }: WindowEntry): EntryState {
  const plain = moments && {
    ...moments,
    mean: [...moments.mean],
    squaredDeviations: [...moments.squaredDeviations],
  };
  return { ...rest, indices: [...indices], ...(plain === undefined ? {} : { moments: plain }) };
}

export function entryFrom({ indices, moments, ...rest }: EntryState): WindowEntry {
  return {
    ...rest,
    indices: Int32Array.from(indices),
    moments: moments && {
      ...moments,
      mean: Float64Array.from(moments.mean),
      squaredDeviations: Float64Array.from(moments.squaredDeviations),
    },
  };
}

/** Throws OptionError unless the state is that of a tracker with these options. */
export function requireSameTracker(
  where: string,
  state: TrackerState,
  own: Pick<TrackerState, 'codebookSize' | 'numCodebooks' | 'window'>,
): void {
  const holds = Array.isArray(state?.books) && Array.isArray(state.entries);
  requireOption(holds, where, 'state', 'what state() of a tracker gave', state, 'Pass it whole.');
  for (const name of ['codebookSize', 'numCodebooks', 'window'] as const) {
    const fix = 'Restore into a tracker with the same options.';
    requireOption(state[name] === own[name], where, `state.${name}`, String(own[name]), state[name], fix);
  }
}
