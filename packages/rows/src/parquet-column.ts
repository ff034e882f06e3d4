import { CheckpointError } from '@vqkit/checkpoint';
import { DataError, phrase, show } from '@vqkit/core-tensor';
import type { Page } from './parquet-pages.ts';

/** What a page has become: numbers or keys. */
interface Part<T> {
  readonly length: number;
  slice(from: number, to: number): T;
}

interface Column<T> {
  /** File and caller, for errors. */
  readonly where: string;
  readonly name: string;
  /** Values per row. */
  readonly width: number;
  /** The first row of each row group, and the number of rows. */
  readonly starts: readonly number[];
  pages(group: number): AsyncGenerator<Page>;
  /** One value per entry of a page whose first entry is value `at`, counted from row 0. */
  valuesOf(page: Page, at: number): T;
}

/** Values of pages that stay in memory: 128 MB of float32. */
const MOST_HELD = 2 ** 25;

/**
 * Reads a column as one sequence of values, in parts: those of the rows from `from` up to `to`. The pages of the group that was read last stay while there
 * is room, so that going on reads nothing twice; going back beyond them begins the group again.
 */
export function readColumn<T extends Part<T>>(column: Column<T>): (from: number, to: number) => Promise<T[]> {
  const { where, name, width, starts } = column;
  let group = -1;
  let pages: AsyncGenerator<Page> | undefined;
  let held: { at: number; values: T }[] = [];
  let end = 0; // of what was read of the group, in values counted from row 0

  const open = (next: number): void => {
    [group, held, end] = [next, [], (starts[next] as number) * width];
    pages = column.pages(next);
  };
  const readOn = async (): Promise<void> => {
    const [first, last] = [starts[group] as number, starts[group + 1] as number];
    const next = await pages?.next();
    if (next?.done !== false) {
      group = -1;
      if (end % width > 0) throw wrongLength(where, name, width, end % width, Math.floor(end / width));
      throw new CheckpointError(
        where,
        `column ${show(name)}`,
        `have ${last - first} rows in its group at ${first}`,
        end / width - first,
        'Write it again.',
      );
    }
    const values = column.valuesOf(next.value, end);
    held.push({ at: end, values });
    end += values.length;
    if (end > last * width) {
      throw new CheckpointError(
        where,
        `column ${show(name)}`,
        `have ${last - first} rows in its group at ${first}`,
        phrase('more'),
        'Write it again.',
      );
    }
  };
  const makeRoom = (from: number): void => {
    let count = held.reduce((sum, { values }) => sum + values.length, 0);
    for (let [oldest] = held; oldest !== undefined && count > MOST_HELD; [oldest] = held) {
      if (oldest.at + oldest.values.length > from) return;
      count -= oldest.values.length;
      held.shift();
    }
  };

  return async (from, to) => {
    const parts: T[] = [];
    for (let row = from; row < to; ) {
      const here = starts.findIndex((start) => start > row) - 1;
      const stop = Math.min(to, starts[here + 1] as number);
      if (here !== group || row * width < (held[0]?.at ?? end)) open(here);
      while (end < stop * width) {
        await readOn();
        makeRoom(row * width);
      }
      for (const { at, values } of held) {
        const [a, b] = [Math.max(row * width - at, 0), Math.min(stop * width - at, values.length)];
        if (a < b) parts.push(values.slice(a, b));
      }
      row = stop;
    }
    return parts;
  };
}

/** A row that has another number of values than row 0. */
export function wrongLength(where: string, name: string, width: number, got: number, row: number): DataError {
  return new DataError(
    where,
    `column ${show(name)}`,
    `have ${width} numbers in every row, as in row 0`,
    phrase(`${got} in row ${row}`, got),
    'Leave that row out, or make it as wide.',
  );
}
