import { CheckpointError } from '@vqkit/checkpoint';
import { DataError, OptionError, phrase, QuantizerError, show } from '@vqkit/core-tensor';
import { type AsyncBuffer, parquetMetadataAsync, parquetSchema, type SchemaTree } from 'hyparquet';
import { readColumn } from './parquet-column.ts';
import { type Page, pagesOf } from './parquet-pages.ts';
import { integerKey, KEY_COLUMN, type RowKeys, type RowOptions } from './rows.ts';

/** Parquet's types of numbers, by the names of safetensors. */
const NUMBERS: { readonly [type in string]?: string } = { FLOAT: 'F32', DOUBLE: 'F64', INT32: 'I32', INT64: 'I64' };

/** Bytes that are read in ranges, of a file or from memory. */
export type ParquetBytes = AsyncBuffer;

/** The columns of a file that are read, all but their values. */
export interface Columns {
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

/** @throws OptionError, CheckpointError or DataError, before any value is read. */
export async function openColumns(
  caller: string,
  path: string,
  file: ParquetBytes,
  options: RowOptions,
): Promise<Columns> {
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

/** The keys of the rows from `from` up to `to`, in parts. */
export function keyReader(
  { where, starts, pages }: Columns,
  keyed: KeyColumn,
): (from: number, to: number) => Promise<RowKeys[]> {
  return readColumn<RowKeys>({
    ...{ where, name: keyed.name, width: 1, starts, pages: (group) => pages(group, keyed.name) },
    valuesOf: (page, at) => keysOf(where, keyed, page, at),
  });
}

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

export function joinedKeys(parts: readonly RowKeys[]): RowKeys {
  const [first = BigInt64Array.of()] = parts;
  if (parts.length === 1) return first;
  if (!(first instanceof BigInt64Array)) return (parts as string[][]).flat();
  return BigInt64Array.from((parts as BigInt64Array[]).flatMap((part) => [...part]));
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
