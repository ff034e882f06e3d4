import { rm } from 'node:fs/promises';
import { extname } from 'node:path';
import { CheckpointError, encodeNpyHeader, encodeSafetensorsHeader } from '@vqkit/checkpoint';
import { requireWritable, writeFileAtomic } from '@vqkit/checkpoint/node';
import { OptionError, phrase } from '@vqkit/core-tensor';
import { keysBeside } from './arrays.ts';
import { requireRowFile } from './open-rows.ts';
import { parquetBlocks } from './parquet-blocks.ts';
import { KEY_COLUMN, type RowBlock, type RowFile, type RowLayout } from './rows.ts';

/** A row-major block of the layout's dtype. */
interface OwnBlock extends RowBlock {
  readonly values: Float32Array | Int32Array;
}

/**
 * Throws unless {@link writeRows} can write such keys there, before the work whose result it is to be.
 * @throws OptionError, CheckpointError
 */
export async function requireWritableRows(
  where: string,
  path: string,
  keys: RowFile['keys'],
  inputs: readonly string[] = [],
): Promise<void> {
  requireRowFile(where, path);
  if (keys === 'texts' && extname(path) !== '.parquet') {
    throw new OptionError(
      where,
      path,
      `end in .parquet, for the keys are texts, which ${extname(path)} cannot hold`,
      extname(path),
      'Write a .parquet file.',
    );
  }
  await requireWritable(where, path, inputs);
}

/**
 * Writes rows and their keys, block after block, and a whole file or none.
 *
 * - .npy: the matrix; integer keys into `name.keys.npy` beside it (none where they are row numbers).
 * - .safetensors: the tensors `column` and `key` (I64).
 * - .parquet: the columns `key` (INT64 or STRING) and `column` (lists of FLOAT or INT32), a row group per block.
 *
 * @throws OptionError for another ending, or texts where only integers can stand; CheckpointError when the blocks have not the rows of the layout.
 * @example
 * const layout = { column: 'ids', dtype: 'I32', count: 2, width: 1, keys: 'row numbers' } as const;
 * await writeRows('rows.parquet', layout, [{ values: Int32Array.of(7, 8), keys: BigInt64Array.of(0n, 1n) }]);
 */
export async function writeRows(
  path: string,
  layout: RowLayout,
  blocks: AsyncIterable<OwnBlock> | Iterable<OwnBlock>,
): Promise<void> {
  await requireWritableRows('writeRows', path, layout.keys);
  const checked = requireWhole(path, layout, blocks);
  if (extname(path) === '.parquet') return writeFileAtomic(path, parquetBlocks(layout, checked));
  const keys: BigInt64Array[] = [];
  const values = (async function* (): AsyncGenerator<Uint8Array> {
    for await (const block of checked) {
      keys.push(block.keys as BigInt64Array);
      yield bytesOf(block.values);
    }
  })();
  const { column, dtype, count, width, metadata = {} } = layout;
  if (extname(path) === '.npy') {
    await writeFileAtomic(path, joined([encodeNpyHeader(dtype, [count, width])], values));
    const beside = keysBeside(path);
    if (layout.keys === 'row numbers') return rm(beside, { force: true });
    return writeFileAtomic(beside, [encodeNpyHeader('I64', [count]), ...keys.map(bytesOf)]);
  }
  const header = encodeSafetensorsHeader(
    [
      [column, { dtype, shape: [count, width] }],
      [KEY_COLUMN, { dtype: 'I64', shape: [count] }],
    ],
    metadata,
  );
  await writeFileAtomic(
    path,
    joined([header], values, () => keys.map(bytesOf)),
  );
}

async function* joined(
  before: readonly Uint8Array[],
  values: AsyncIterable<Uint8Array>,
  after: () => readonly Uint8Array[] = () => [],
): AsyncGenerator<Uint8Array> {
  yield* before;
  yield* values;
  yield* after();
}

async function* requireWhole(
  path: string,
  { count, width }: RowLayout,
  blocks: AsyncIterable<OwnBlock> | Iterable<OwnBlock>,
): AsyncGenerator<OwnBlock> {
  const where = `writeRows: ${path}`;
  let rows = 0;
  for await (const block of blocks) {
    const { values, keys } = block;
    if (values.length !== keys.length * width) {
      throw new CheckpointError(
        where,
        'a block',
        `have ${width} values per key`,
        phrase(`${values.length} of ${keys.length} keys`, values.length),
        'Pass whole rows.',
      );
    }
    rows += keys.length;
    yield block;
  }
  if (rows !== count) throw new CheckpointError(where, 'the blocks', `have ${count} rows`, rows, 'Pass all.');
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
