import { extname } from 'node:path';
import { integersOf, OptionError } from '@vqkit/core-tensor';
import { openRows, type RowFile, type RowOptions, requireWritableRows, writeRows } from '@vqkit/rows';
import type { RowIdBlock, RowIdFile } from './row-id-file.ts';
import { shardRowIds, shardsAt } from './shards/at-path.ts';

const IDS = 'ids';

/** What {@link writeRowIds} is told before the first row. */
export interface RowIdLayout {
  readonly count: number;
  /** Ids of a row: one per codebook, and one more where a last one tells equal rows apart. */
  readonly columns: number;
  readonly keys: RowFile['keys'];
  /** Notes, such as the checksum of the tokenizer; a safetensors file keeps them. */
  readonly notes?: Readonly<Record<string, string>>;
}

/**
 * Writes the ids of rows with the rows' keys, such as semantic ids of items: `.parquet` the columns `key` and `ids`, `.safetensors` the tensors `ids`
 * (I32) and `key` (I64), `.npy` int32 [rows, columns] with integer keys in `name.keys.npy` beside it. A whole file or none.
 *
 * @throws as `writeRows` of @vqkit/rows.
 * @example
 * const values = Int32Array.of(3, 1, 0, 2); // two rows of two codebooks
 * await writeRowIds('ids.parquet', { count: 2, columns: 2, keys: 'texts' }, [{ values, keys: ['pen', 'ink'] }]);
 */
export async function writeRowIds(
  path: string,
  { count, columns, keys, notes = {} }: RowIdLayout,
  blocks: AsyncIterable<RowIdBlock> | Iterable<RowIdBlock>,
): Promise<void> {
  await writeRows(path, { column: IDS, dtype: 'I32', count, width: columns, keys, metadata: notes }, blocks);
}

/**
 * Throws unless {@link writeRowIds} can write such keys there, before the work whose result it is to be.
 * @throws OptionError, CheckpointError
 */
export async function requireWritableRowIds(
  where: string,
  path: string,
  keys: RowFile['keys'],
  inputs: readonly string[] = [],
): Promise<void> {
  await requireWritableRows(where, path, keys, inputs);
}

/**
 * Opens a file of ids per row, of integers of any type that fit into 32 bits, to be read in blocks. A recommender may have written it. A folder of shards, or one of
 * them, is read in the same way.
 *
 * @param options `column`: default `ids`.
 * @throws as `openRows` of @vqkit/rows; DtypeError and DataError for what is no id.
 * @example
 * const keys = BigInt64Array.of(70n, 80n);
 * await writeRowIds('ids.safetensors', { count: 2, columns: 1, keys: 'integers' }, [{ values: Int32Array.of(3, 1), keys }]);
 * const file = await openRowIds('ids.safetensors');
 * (await file.read(0, file.count)).values; // [ 3, 1 ]
 */
export async function openRowIds(path: string, options: RowOptions = {}): Promise<RowIdFile> {
  const where = `openRowIds: ${path}`;
  const shards = await shardsAt(path);
  if (shards !== undefined) return shardRowIds(where, shards);
  const column = options.column ?? (extname(path) === '.npy' ? undefined : IDS);
  const rows = await openRows('openRowIds', path, { ...options, column });
  const { count, width: columns, keys, dtype } = rows;
  return {
    count,
    columns,
    tokenShape: await tokenShapeOf(path, columns),
    keys,
    async read(from, to) {
      const { values, keys } = await rows.read(from, to);
      return { values: integersOf(where, IDS, { dtype, shape: [to - from, columns], data: values }), keys };
    },
  };
}

/** What the first row of the column `shape` says, as merged shards of pictures have it, if that is a shape of so many ids. */
async function tokenShapeOf(path: string, columns: number): Promise<readonly number[]> {
  const shapes =
    extname(path) === '.parquet'
      ? await openRows('openRowIds', path, { column: 'shape' }).catch((error: unknown) => {
          if (error instanceof OptionError) return undefined;
          throw error;
        })
      : undefined;
  if (shapes === undefined) return [columns];
  const { values } = await shapes.read(0, 1);
  const shape = Array.from(values, Number);
  return shape.reduce((product, length) => product * length, 1) === columns ? shape : [columns];
}
