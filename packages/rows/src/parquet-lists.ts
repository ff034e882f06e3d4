import { CheckpointError } from '@vqkit/checkpoint';
import { DataError, phrase, show } from '@vqkit/core-tensor';
import { joinedKeys, keyReader, openColumns, type ParquetBytes } from './parquet-file.ts';
import type { Page } from './parquet-pages.ts';
import { type RowKeys, type RowOptions, rowNumbers } from './rows.ts';

/** Lists of numbers of any length, all that are in a file. */
export interface ParquetLists {
  /** As in the file: the numbers are numbers. */
  readonly dtype: string;
  /** End to end. */
  readonly values: Float64Array;
  /** Of each row. */
  readonly lengths: readonly number[];
  readonly keys: RowKeys;
}

/**
 * All rows of a column of lists that have lengths of their own, such as ids of recordings.
 *
 * @param options.rows that there must be; `most` numbers that they may have together.
 * @throws OptionError, CheckpointError or DataError as `parquetRows`, and for more numbers.
 * @example
 * const rows = { column: 'ids', dtype: 'I32', count: 1, width: 2, keys: 'integers' } as const;
 * await writeRows('lists.parquet', rows, [{ values: Int32Array.of(7, 8), keys: BigInt64Array.of(5n) }]);
 * const whole = new Uint8Array(await readFile('lists.parquet'));
 * const listed = { byteLength: whole.length, slice: (from: number, to?: number) => whole.slice(from, to).buffer };
 * (await parquetLists('read', 'lists.parquet', listed, { column: 'ids', rows: 1, most: 2 })).lengths; // [ 2 ]
 */
export async function parquetLists(
  caller: string,
  path: string,
  file: ParquetBytes,
  options: RowOptions & { readonly rows: number; readonly most: number },
): Promise<ParquetLists> {
  const opened = await openColumns(caller, path, file, options);
  const { where, named, column, dtype, keyed, starts, count, pages } = opened;
  const { rows, most } = options;
  const fail = (rule: string, got: unknown): CheckpointError =>
    new CheckpointError(where, `column ${show(column)}`, rule, got, 'Write it again.');
  if (count !== rows) throw fail(`have ${rows} rows`, count);
  const lengths: number[] = [];
  const parts: Float64Array[] = [];
  let total = 0;
  const readAll = async (): Promise<void> => {
    for (let group = 0; group < starts.length - 1; group++) {
      for await (const page of pages(group, column)) {
        total += page.entries;
        if (total > most) throw fail(`have ${most} numbers in all`, phrase('more'));
        parts.push(listsOf(where, column, page, lengths));
      }
      const wanted = starts[group + 1] as number;
      if (lengths.length !== wanted) throw fail(`have ${wanted} rows to the end of row group ${group}`, lengths.length);
    }
  };
  await named(readAll());
  const values = new Float64Array(total);
  let filled = 0;
  for (const part of parts) {
    values.set(part, filled);
    filled += part.length;
  }
  const keys = keyed === undefined ? rowNumbers(0, count) : joinedKeys(await named(keyReader(opened, keyed)(0, count)));
  return { dtype, values, lengths, keys };
}

/** The numbers of a page of lists of any length; adds the lengths, the last of which may go on. */
function listsOf(
  where: string,
  column: string,
  { entries, values, repetition, definition, present, listed }: Page,
  lengths: number[],
): Float64Array {
  const out = new Float64Array(entries);
  for (let i = 0; i < entries; i++) {
    if (repetition?.[i] === 0) lengths.push(0);
    const row = lengths.length - 1;
    const level = definition?.[i] ?? present;
    const value = level < present || row < 0 ? null : values[i];
    if (typeof value !== 'number' && typeof value !== 'bigint') {
      const got =
        level < listed ? phrase(`an empty list in row ${row}`) : phrase(`${show(value)} in row ${row}`, value);
      throw new DataError(where, `column ${show(column)}`, 'have lists of numbers', got, 'Leave that row out.');
    }
    lengths[row] = (lengths[row] as number) + 1;
    out[i] = Number(value);
  }
  return out;
}
