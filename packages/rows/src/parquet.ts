import { CheckpointError } from '@vqkit/checkpoint';
import { DataError, OptionError, phrase, QuantizerError, show } from '@vqkit/core-tensor';
import { type AsyncBuffer, parquetMetadataAsync, parquetSchema, type SchemaTree } from 'hyparquet';
import { readColumn, wrongLength } from './parquet-column.ts';
import { type Page, pagesOf } from './parquet-pages.ts';
import { integerKey, KEY_COLUMN, type RowFile, type RowKeys, type RowOptions, rowNumbers } from './rows.ts';

/** Parquet's types of numbers, by the names of safetensors. */
const NUMBERS: { readonly [type in string]?: string } = { FLOAT: 'F32', DOUBLE: 'F64', INT32: 'I32', INT64: 'I64' };

/** Bytes that are read in ranges, of a file or from memory. */
export type ParquetBytes = AsyncBuffer;

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
 * @throws OptionError, CheckpointError or DataError as {@link parquetRows}, and for more numbers.
 * @example
 * const rows = { column: 'ids', dtype: 'I32', count: 1, width: 2, keys: 'integers' } as const;
 * await writeRows('lists.parquet', rows, [{ values: Int32Array.of(7, 8), keys: BigInt64Array.of(5n) }]);
 * const whole = new Uint8Array(await readFile('lists.parquet'));
 * const bytesOfLists = { byteLength: whole.length, slice: (from: number, to?: number) => whole.slice(from, to).buffer };
 * (await parquetLists('read', 'lists.parquet', bytesOfLists, { column: 'ids', rows: 1, most: 2 })).lengths; // [ 2 ]
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

/** The columns of a file that are read, all but their values. */
interface Columns {
  readonly where: string;
  /** Work whose errors say what file they are of. */
  named<T>(work: Promise<T>): Promise<T>;
  readonly column: string;
  readonly dtype: string;
  readonly keyed: KeyColumn | undefined;
  /** The first row of each row group, and the number of rows. */
  readonly starts: readonly number[];
  readonly count: number;
  pages(group: number, name: string): AsyncGenerator<Page>;
}

async function openColumns(caller: string, path: string, file: ParquetBytes, options: RowOptions): Promise<Columns> {
  const where = `${caller}: ${path}`;
  const named = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      if (error instanceof QuantizerError || !(error instanceof Error)) throw error;
      const got = phrase(`one that cannot be read: ${error.message}`);
      throw new CheckpointError(caller, path, 'be a parquet file', got, 'Write it again.', { cause: error });
    });
  // Its search for maps goes round for ever where a schema has fewer than no children.
  const metadata = await named(parquetMetadataAsync(file, { geoparquet: false }));
  const columns = await named(Promise.resolve(metadata).then((it) => parquetSchema(it).children));
  const { column, dtype } = columnOfLists(where, columns, options.column);
  const keyed = columnOfKeys(where, columns, options.keyColumn);

  const starts: number[] = [0];
  for (const { num_rows: rows } of metadata.row_groups) {
    if (!Number.isSafeInteger(Number(rows)) || Number(rows) < 0) {
      throw new CheckpointError(caller, path, 'have row groups of 0 rows or more', rows, 'Write it again.');
    }
    starts.push((starts.at(-1) as number) + Number(rows));
  }
  const count = starts.at(-1) as number;
  if (count === 0) throw new DataError(caller, path, 'have rows', phrase('none'), 'Write it again.');
  const schema = parquetSchema(metadata);
  async function* pages(group: number, name: string): AsyncGenerator<Page> {
    const columns = metadata.row_groups[group]?.columns ?? [];
    const chunk = columns.find(({ meta_data: meta }) => meta?.path_in_schema[0] === name);
    if (chunk?.meta_data === undefined || chunk.file_path)
      throw new Error(`row group ${group} has no column ${show(name)}`);
    yield* pagesOf(file, schema, chunk.meta_data);
  }
  return { where, named, column, dtype, keyed, starts, count, pages };
}

function keyReader(
  { where, starts, pages }: Columns,
  keyed: KeyColumn,
): (from: number, to: number) => Promise<RowKeys[]> {
  return readColumn<RowKeys>({
    ...{ where, name: keyed.name, width: 1, starts, pages: (group) => pages(group, keyed.name) },
    valuesOf: (page, at) => keysOf(where, keyed, page, at),
  });
}

type Numbers = Float32Array | Float64Array;

/** The type of the numbers that a column has lists of. */
function numbersIn(tree: SchemaTree): string | undefined {
  const [only] = tree.children;
  if (tree.children.length > 1) return undefined;
  if (only !== undefined) return numbersIn(only);
  const { type = '', logical_type: logical } = tree.element;
  return logical?.type === 'FLOAT16' ? 'F16' : NUMBERS[type];
}

/** How deep lists of lists go in a column. */
function depthOf({ element, children }: SchemaTree): number {
  return (element.repetition_type === 'REPEATED' ? 1 : 0) + Math.max(0, ...children.map(depthOf));
}

function columnOfLists(
  where: string,
  columns: readonly SchemaTree[],
  wanted: string | undefined,
): { column: string; dtype: string } {
  const lists = columns.filter((tree) => depthOf(tree) === 1 && numbersIn(tree) !== undefined);
  const fitting = wanted === undefined ? lists : lists.filter(({ element }) => element.name === wanted);
  const [tree] = fitting;
  if (fitting.length === 1 && tree !== undefined) {
    return { column: tree.element.name, dtype: numbersIn(tree) as string };
  }
  const all = columns.map(({ element }) => element.name);
  const named = lists.map(({ element }) => element.name);
  const got = wanted === undefined ? `${named.length} of them: ${show(named)}` : show(wanted);
  throw new OptionError(
    where,
    'column',
    `be a column of lists of numbers, of which the file has ${show(named)} among ${show(all)}, or the file have one`,
    phrase(got),
    'Name the column, or write one list per row.',
  );
}

interface KeyColumn {
  readonly name: string;
  readonly integers: boolean;
}

function columnOfKeys(
  where: string,
  columns: readonly SchemaTree[],
  wanted: string | undefined,
): KeyColumn | undefined {
  const found = columns.find(({ element }) => element.name === (wanted ?? KEY_COLUMN));
  const type = found === undefined || found.children.length > 0 || depthOf(found) > 0 ? undefined : found.element.type;
  if (found !== undefined && (type === 'INT32' || type === 'INT64' || type === 'BYTE_ARRAY')) {
    return { name: found.element.name, integers: type !== 'BYTE_ARRAY' };
  }
  if (wanted === undefined) return undefined;
  throw new OptionError(
    where,
    'keyColumn',
    `be a column of integers or texts among ${show(columns.map(({ element }) => element.name))}`,
    wanted,
    'Leave it out for row numbers.',
  );
}

function joinedKeys(parts: readonly RowKeys[]): RowKeys {
  const [first = BigInt64Array.of()] = parts;
  if (parts.length === 1) return first;
  if (!(first instanceof BigInt64Array)) return (parts as string[][]).flat();
  return BigInt64Array.from((parts as BigInt64Array[]).flatMap((part) => [...part]));
}

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

function keysOf(
  where: string,
  { name, integers }: KeyColumn,
  { entries, values, definition, present }: Page,
  at: number,
): RowKeys {
  const missing = definition?.findIndex((level) => level < present) ?? -1;
  const end = missing < 0 ? entries : missing;
  const keys = integers
    ? BigInt64Array.from({ length: end }, (_, i) => integerKey(where, values[i], at + i))
    : Array.from({ length: end }, (_, i) => {
        const key: unknown = values[i];
        if (typeof key === 'string') return key;
        throw new DataError(
          where,
          `key column ${show(name)}`,
          'have texts',
          phrase(`${show(key)} in row ${at + i}`, key),
          'Fill it.',
        );
      });
  if (missing < 0) return keys;
  throw new DataError(
    where,
    `key column ${show(name)}`,
    'have a key in every row',
    phrase(`none in row ${at + missing}`),
    'Fill it.',
  );
}
