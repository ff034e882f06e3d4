import { extname } from 'node:path';
import { withFileErrors } from '@vqkit/checkpoint/node';
import { OptionError } from '@vqkit/core-tensor';
import { asyncBufferFromFile } from 'hyparquet';
import { openNpy, openSafetensors } from './arrays.ts';
import { parquetRows } from './parquet.ts';
import type { RowFile, RowOptions } from './rows.ts';

const READERS: { readonly [ending in string]?: typeof openNpy } = {
  '.npy': openNpy,
  '.safetensors': openSafetensors,
  '.parquet': openParquet,
};

async function openParquet(where: string, path: string, options: RowOptions): Promise<RowFile> {
  const readable = <T>(work: Promise<T>): Promise<T> => withFileErrors('openRows', path, 'be a readable file', work);
  const file = await readable(asyncBufferFromFile(path));
  const slice: typeof file.slice = (from, to) => readable(Promise.resolve(file.slice(from, to)));
  return parquetRows(where, path, { ...file, slice }, options);
}

/**
 * Whether a path has the ending of a file of rows.
 * @example
 * isRowFile('items.parquet'); // true
 */
export function isRowFile(path: string): boolean {
  return Object.hasOwn(READERS, extname(path));
}

/**
 * Throws unless the ending of a file of rows says what it is to be.
 * @throws OptionError
 */
export function requireRowFile(where: string, path: string): void {
  if (isRowFile(path)) return;
  throw new OptionError(
    where,
    'the file of rows',
    `end in ${Object.keys(READERS).join(', ')}`,
    path,
    'Convert it, or name it by what it is.',
  );
}

/**
 * Opens a matrix in an .npy, .safetensors or .parquet file, to be read in blocks: of the first two only the rows asked for are read, of parquet one
 * row group is held at a time.
 *
 * - .npy: a matrix [rows, width]; integer keys may stand beside `name.npy` in `name.keys.npy`.
 * - .safetensors: the tensor `column` [rows, width], by default the only matrix; keys are a tensor [rows] of integers.
 * - .parquet: the column of lists `column`, all of one length, by default the only column of lists of numbers; keys are a column of integers or texts.
 *
 * @param where the caller, for errors.
 * @throws OptionError for another ending or a column that is not there; CheckpointError or DataError for a damaged file, DataError naming the row
 * where a list is missing or of another length.
 * @example
 * const layout = { column: 'embedding', dtype: 'F32', count: 2, width: 2, keys: 'texts' } as const;
 * await writeRows('items.parquet', layout, [{ values: Float32Array.of(1, 2, 3, 4), keys: ['pen', 'ink'] }]);
 * const rows = await openRows('embed', 'items.parquet', { column: 'embedding' });
 * (await rows.read(1, 2)).values; // [ 3, 4 ]
 */
export async function openRows(where: string, path: string, options: RowOptions = {}): Promise<RowFile> {
  requireRowFile(where, path);
  return (READERS[extname(path)] as typeof openNpy)(where, path, options);
}
