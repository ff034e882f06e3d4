import { CheckpointError } from '@vqkit/checkpoint';
import { withFileErrors } from '@vqkit/checkpoint/node';
import { DataError, OptionError, QuantizerError, show } from '@vqkit/core-tensor';
import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import {
  integerKey,
  KEY_COLUMN,
  type RowBlock,
  type RowFile,
  type RowKeys,
  type RowOptions,
  rowNumbers,
} from './rows.ts';

/** Parquet's types of numbers, by the names of safetensors. */
const NUMBERS: { readonly [type in string]?: string } = { FLOAT: 'F32', DOUBLE: 'F64', INT32: 'I32', INT64: 'I64' };

/** A row group, as arrays without objects in them. */
interface Group extends RowBlock {
  readonly from: number;
  readonly to: number;
  readonly values: Float64Array | Float32Array;
}

export async function openParquet(where: string, path: string, options: RowOptions): Promise<RowFile> {
  const named = <T>(work: Promise<T>): Promise<T> =>
    withFileErrors('openRows', path, 'be a readable file', work).catch((error: unknown) => {
      if (error instanceof QuantizerError || !(error instanceof Error)) throw error;
      throw new CheckpointError(
        `${where} must be a parquet file, got one that cannot be read: ${error.message}. Write it again.`,
        {
          cause: error,
        },
      );
    });
  const file = await named(asyncBufferFromFile(path));
  const metadata = await named(parquetMetadataAsync(file));
  const columns = await named(Promise.resolve(metadata).then((it) => parquetSchema(it).children));
  const { column, dtype } = columnOfLists(where, columns, options.column);
  const keyed = columnOfKeys(where, columns, options.keyColumn);

  const starts: number[] = [0];
  for (const { num_rows: rows } of metadata.row_groups) {
    if (!Number.isSafeInteger(Number(rows)) || Number(rows) < 0) {
      throw new CheckpointError(`${where} must have row groups of 0 rows or more, got ${show(rows)}. Write it again.`);
    }
    starts.push((starts.at(-1) as number) + Number(rows));
  }
  const count = starts.at(-1) as number;
  if (count === 0) throw new DataError(`${where} must have rows, got none. Write it again.`);
  // One column at a time: of several, hyparquet awaits the first, and what a damaged second one throws would end the process.
  const cellsOf = async (name: string, rowStart: number, rowEnd: number): Promise<unknown[]> => {
    const range = { rowStart, rowEnd, compressors, useOffsetIndex: true };
    const rows = await named(parquetReadObjects({ file, metadata, columns: [name], ...range }));
    return rows.map((row) => row[name]);
  };
  const [first] = await cellsOf(column, 0, 1);
  const width = lengthOf(first);
  if (width === 0)
    throw new DataError(
      `${where}: column ${show(column)} must have lists of numbers, got none in row 0. Write it again.`,
    );

  let held: Group | undefined;
  const groupOf = async (row: number): Promise<Group> => {
    if (held !== undefined && held.from <= row && row < held.to) return held;
    held = undefined;
    const next = starts.findIndex((start) => start > row);
    const [from = 0, to = 0] = [starts[next - 1], starts[next]];
    const all = async (name: string): Promise<unknown[]> => {
      const cells = await cellsOf(name, from, to);
      if (cells.length === to - from) return cells;
      throw new CheckpointError(
        `${where} must have ${to - from} rows in its group at ${from}, got ${cells.length}. Write it again.`,
      );
    };
    const values = flat(where, column, dtype, width, await all(column), from);
    const keys = keyed === undefined ? rowNumbers(from, to) : keysOf(where, keyed, await all(keyed.name), from);
    held = { from, to, values, keys };
    return held;
  };

  return {
    count,
    width,
    dtype,
    column,
    keys: keyed === undefined ? 'row numbers' : keyed.integers ? 'integers' : 'texts',
    async read(from, to) {
      const values = dtype === 'F32' ? new Float32Array((to - from) * width) : new Float64Array((to - from) * width);
      const parts: RowKeys[] = [];
      for (let row = from; row < to; ) {
        const group = await groupOf(row);
        const end = Math.min(to, group.to);
        values.set(group.values.subarray((row - group.from) * width, (end - group.from) * width), (row - from) * width);
        parts.push(group.keys.slice(row - group.from, end - group.from));
        row = end;
      }
      return { values, keys: joinedKeys(parts) };
    },
  };
}

/** The type of the numbers that a column has lists of. */
function numbersIn(tree: SchemaTree): string | undefined {
  const [only] = tree.children;
  if (tree.children.length > 1) return undefined;
  if (only !== undefined) return numbersIn(only);
  const { type = '', logical_type: logical } = tree.element;
  return logical?.type === 'FLOAT16' ? 'F16' : NUMBERS[type];
}

function hasLists({ element, children }: SchemaTree): boolean {
  return element.repetition_type === 'REPEATED' || children.some(hasLists);
}

function columnOfLists(
  where: string,
  columns: readonly SchemaTree[],
  wanted: string | undefined,
): { column: string; dtype: string } {
  const lists = columns.filter((tree) => hasLists(tree) && numbersIn(tree) !== undefined);
  const fitting = wanted === undefined ? lists : lists.filter(({ element }) => element.name === wanted);
  const [tree] = fitting;
  if (fitting.length === 1 && tree !== undefined) {
    return { column: tree.element.name, dtype: numbersIn(tree) as string };
  }
  const all = columns.map(({ element }) => element.name);
  const named = lists.map(({ element }) => element.name);
  const got = wanted === undefined ? `${named.length} of them: ${show(named)}` : show(wanted);
  throw new OptionError(
    `${where}: column must be a column of lists of numbers, of which the file has ${show(named)} among ${show(all)}, or the file have one, got ${got}. Name the column, or write one list per row.`,
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
  const type = found === undefined || found.children.length > 0 || hasLists(found) ? undefined : found.element.type;
  if (found !== undefined && (type === 'INT32' || type === 'INT64' || type === 'BYTE_ARRAY')) {
    return { name: found.element.name, integers: type !== 'BYTE_ARRAY' };
  }
  if (wanted === undefined) return undefined;
  throw new OptionError(
    `${where}: keyColumn must be a column of integers or texts among ${show(columns.map(({ element }) => element.name))}, got ${show(wanted)}. Leave it out for row numbers.`,
  );
}

function joinedKeys(parts: readonly RowKeys[]): RowKeys {
  const [first = BigInt64Array.of()] = parts;
  if (parts.length === 1) return first;
  if (!(first instanceof BigInt64Array)) return (parts as string[][]).flat();
  return BigInt64Array.from((parts as BigInt64Array[]).flatMap((part) => [...part]));
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) || ArrayBuffer.isView(value) ? (value as unknown as ArrayLike<unknown>).length : 0;
}

function flat(
  where: string,
  column: string,
  dtype: string,
  width: number,
  lists: readonly unknown[],
  from: number,
): Float32Array | Float64Array {
  const values = dtype === 'F32' ? new Float32Array(lists.length * width) : new Float64Array(lists.length * width);
  for (const [n, list] of lists.entries()) {
    const length = lengthOf(list);
    if (length !== width) {
      throw new DataError(
        `${where}: column ${show(column)} must have ${width} numbers in every row, as in row 0, got ${length} in row ${from + n}. Leave that row out, or make it as wide.`,
      );
    }
    for (let i = 0; i < width; i++) {
      const value = (list as ArrayLike<unknown>)[i];
      if (typeof value !== 'number' && typeof value !== 'bigint') {
        throw new DataError(
          `${where}: column ${show(column)} must have numbers, got ${show(value)} in row ${from + n}. Leave that row out.`,
        );
      }
      values[n * width + i] = Number(value);
    }
  }
  return values;
}

function keysOf(where: string, { name, integers }: KeyColumn, cells: readonly unknown[], from: number): RowKeys {
  if (integers) return BigInt64Array.from(cells.map((key, n) => integerKey(where, key, from + n)));
  return cells.map((key, n) => {
    if (typeof key === 'string') return key;
    throw new DataError(
      `${where}: key column ${show(name)} must have texts, got ${show(key)} in row ${from + n}. Fill it.`,
    );
  });
}
