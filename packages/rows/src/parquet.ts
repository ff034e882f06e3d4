import { DataError, phrase, show } from '@vqkit/core-tensor';
import { readColumn, wrongLength } from './parquet-column.ts';
import { joinedKeys, keyReader, openColumns, type ParquetBytes } from './parquet-file.ts';
import type { Page } from './parquet-pages.ts';
import { type RowFile, type RowOptions, rowNumbers } from './rows.ts';

/**
 * A matrix in the bytes of a parquet file, wherever they are, read as `openRows` does. It needs nothing of Node.
 *
 * @param caller for errors, as `path`, what they call the file.
 * @throws OptionError, CheckpointError or DataError as `openRows`.
 * @example
 * const layout = { column: 'ids', dtype: 'I32', count: 1, width: 2, keys: 'integers' } as const;
 * await writeRows('two.parquet', layout, [{ values: Int32Array.of(7, 8), keys: BigInt64Array.of(5n) }]);
 * const { buffer, byteOffset, byteLength } = await readFile('two.parquet');
 * const inMemory = { byteLength, slice: (from: number, to?: number) => buffer.slice(byteOffset + from, byteOffset + (to ?? byteLength)) };
 * (await (await parquetRows('read', 'two.parquet', inMemory)).read(0, 1)).values; // [ 7, 8 ]
 */
export async function parquetRows(
  caller: string,
  path: string,
  file: ParquetBytes,
  options: RowOptions = {},
): Promise<RowFile> {
  const columns = await openColumns(caller, path, file, options);
  const { where, named, column, dtype, keyed, starts, count, pages } = columns;
  const firstGroup = starts.findIndex((start) => start > 0) - 1;
  const width = await named(widthOf(pages(firstGroup, column)));
  if (width === 0)
    throw new DataError(
      where,
      `column ${show(column)}`,
      'have lists of numbers',
      phrase('none in row 0'),
      'Write it again.',
    );

  const make = (length: number): Numbers => (dtype === 'F32' ? new Float32Array(length) : new Float64Array(length));
  const numbers = readColumn({
    ...{ where, name: column, width, starts, pages: (group) => pages(group, column) },
    valuesOf: (page, at) => numbersOf(where, column, width, page, at, make(page.entries)),
  });
  const keys = keyed && keyReader(columns, keyed);
  return {
    count,
    width,
    dtype,
    column,
    keys: keyed === undefined ? 'row numbers' : keyed.integers ? 'integers' : 'texts',
    async read(from, to) {
      const values = make((to - from) * width);
      let filled = 0;
      for (const part of await named(numbers(from, to))) {
        values.set(part, filled);
        filled += part.length;
      }
      return { values, keys: keys === undefined ? rowNumbers(from, to) : joinedKeys(await named(keys(from, to))) };
    },
  };
}

type Numbers = Float32Array | Float64Array;

/** Values of the first row, which may go on over several pages. */
async function widthOf(pages: AsyncGenerator<Page>): Promise<number> {
  let width = 0;
  for await (const { entries, repetition, definition, listed } of pages) {
    for (let i = 0; i < entries; i++) {
      if (width > 0 && repetition?.[i] === 0) return width;
      if ((definition?.[i] ?? listed) < listed) return 0;
      width++;
    }
  }
  return width;
}

/** Numbers of a page of lists, one list per row, none missing. */
function numbersOf<T extends Numbers>(
  where: string,
  column: string,
  width: number,
  { entries, values, repetition, definition, present, listed }: Page,
  at: number,
  out: T,
): T {
  for (let i = 0, place = at % width; i < entries; i++, place = place + 1 === width ? 0 : place + 1) {
    const row = Math.floor((at + i) / width);
    const begins = repetition?.[i] === 0;
    if (begins && place > 0) throw wrongLength(where, column, width, place, row);
    if (!begins && place === 0) {
      const longer = repetition?.indexOf(0, i) ?? -1;
      throw wrongLength(where, column, width, width + (longer < 0 ? entries : longer) - i, row - 1);
    }
    const level = definition?.[i] ?? present;
    if (level < listed) throw wrongLength(where, column, width, 0, row);
    const value = level < present ? null : values[i];
    if (typeof value !== 'number' && typeof value !== 'bigint') {
      throw new DataError(
        where,
        `column ${show(column)}`,
        'have numbers',
        phrase(`${show(value)} in row ${row}`, value),
        'Leave that row out.',
      );
    }
    out[i] = Number(value);
  }
  return out;
}
