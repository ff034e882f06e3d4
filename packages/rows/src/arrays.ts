import { stat } from 'node:fs/promises';
import {
  bytesPerValue,
  CheckpointError,
  decodeNpyHeader,
  NPY_HEADER_BYTES,
  readSafetensorsHeader,
  type SafePlace,
  safetensorOf,
} from '@vqkit/checkpoint';
import { withFileErrors } from '@vqkit/checkpoint/node';
import { OptionError, phrase, ShapeError, show } from '@vqkit/core-tensor';
import { asyncBufferFromFile } from 'hyparquet';
import { integerKey, KEY_COLUMN, type RowFile, type RowKeys, type RowOptions, rowNumbers } from './rows.ts';

/** A matrix in an .npy file; keys from `name.keys.npy` beside it, if that is there. */
export async function openNpy(where: string, path: string, { column, keyColumn }: RowOptions): Promise<RowFile> {
  if ((column ?? keyColumn) !== undefined) {
    const [name, given] = column === undefined ? ['keyColumn', keyColumn] : ['column', column];
    throw new OptionError(`${where}: ${path}`, name, 'not be given, for .npy has no names', given, 'Leave it out.');
  }
  const values = await npyPlace(path);
  const file = keysBeside(path);
  const isThere = await stat(file).then(
    () => true,
    () => false,
  );
  const keys = isThere ? keysFrom(`${where}: ${path}`, file, await npyPlace(file), values.shape) : undefined;
  return rowFile(where, path, values, keys);
}

/** Where the keys of an .npy file stand. */
export function keysBeside(path: string): string {
  return path.replace(/npy$/, 'keys.npy');
}

export async function openSafetensors(where: string, path: string, options: RowOptions): Promise<RowFile> {
  const { size, read } = await bytesOf(path);
  const { tensors } = await readSafetensorsHeader({ name: path, size, read });
  const matrices = Object.keys(tensors).filter((name) => tensors[name]?.shape.length === 2);
  const { column = matrices.length === 1 ? matrices[0] : undefined, keyColumn } = options;
  const values = column === undefined ? undefined : tensors[column];
  if (column === undefined || values === undefined || !Object.hasOwn(tensors, column)) {
    const got = options.column === undefined ? `${matrices.length} of them: ${show(matrices)}` : show(options.column);
    throw new OptionError(
      `${where}: ${path}`,
      'column',
      `be a tensor of the file, which holds ${show(Object.keys(tensors))}, or the file have one matrix`,
      phrase(got),
      'Name the tensor.',
    );
  }
  const key = keyColumn ?? (Object.hasOwn(tensors, KEY_COLUMN) && column !== KEY_COLUMN ? KEY_COLUMN : undefined);
  if (key === undefined) return { ...rowFile(where, path, values, undefined), column };
  const place = Object.hasOwn(tensors, key) ? tensors[key] : undefined;
  if (place === undefined) {
    throw new OptionError(
      `${where}: ${path}`,
      'keyColumn',
      `be a tensor of the file, which holds ${show(Object.keys(tensors))}`,
      key,
      'Leave it out for row numbers.',
    );
  }
  return { ...rowFile(where, path, values, keysFrom(`${where}: ${path}`, path, place, values.shape)), column };
}

type ReadKeys = (from: number, to: number) => Promise<RowKeys>;

function rowFile(where: string, path: string, place: SafePlace, keys: ReadKeys | undefined): RowFile {
  const { dtype, shape } = place;
  const [count = 0, width = 0] = shape;
  if (shape.length !== 2 || width === 0) {
    throw new ShapeError(where, path, 'be a matrix [rows, width]', shape, 'Reshape it.');
  }
  return {
    count,
    width,
    dtype,
    keys: keys === undefined ? 'row numbers' : 'integers',
    read: async (from, to) => ({
      values: await readPart(path, place, from, to),
      keys: keys === undefined ? rowNumbers(from, to) : await keys(from, to),
    }),
  };
}

function keysFrom(where: string, path: string, place: SafePlace, [rows = 0]: readonly number[]): ReadKeys {
  if (!/^[IU]\d+$/.test(place.dtype) || place.shape.length !== 1 || place.shape[0] !== rows) {
    throw new ShapeError(
      where,
      'keys',
      `be integers [${rows}], one per row`,
      phrase(`${place.dtype} ${show(place.shape)} in ${path}`, place.dtype),
      'Write them again.',
    );
  }
  return async (from, to) => {
    const keys = await readPart(path, place, from, to);
    if (keys instanceof BigInt64Array) return keys;
    return BigInt64Array.from(Array.from(keys, (key, i) => integerKey(where, key, from + i)));
  };
}

/** The values of some rows of a tensor. */
async function readPart(
  path: string,
  { dtype, shape: [, ...rest], begin }: SafePlace,
  from: number,
  to: number,
): Promise<ArrayLike<number | bigint>> {
  const { read } = await bytesOf(path);
  const rowBytes = bytesPerValue(dtype) * rest.reduce((product, size) => product * size, 1);
  const bytes = await read(begin + from * rowBytes, begin + to * rowBytes);
  return safetensorOf('rows', { dtype, shape: [to - from, ...rest] }, bytes, path).data;
}

async function npyPlace(path: string): Promise<SafePlace> {
  const { size, read } = await bytesOf(path);
  const { dtype, shape, start } = decodeNpyHeader(await read(0, Math.min(size, NPY_HEADER_BYTES)), size, path);
  return { dtype, shape, begin: start, end: size };
}

interface FileBytes {
  readonly size: number;
  read(begin: number, end: number): Promise<Uint8Array>;
}

async function bytesOf(path: string): Promise<FileBytes> {
  const readable = <T>(work: Promise<T>): Promise<T> => withFileErrors('openRows', path, 'be a readable file', work);
  const file = await readable(asyncBufferFromFile(path));
  return {
    size: file.byteLength,
    async read(begin, end) {
      const bytes = new Uint8Array(await readable(Promise.resolve(file.slice(begin, end))));
      if (bytes.length === end - begin) return bytes;
      throw new CheckpointError(
        'openRows',
        path,
        `have ${end} bytes`,
        phrase(`its end at ${begin + bytes.length}`),
        'Write it again.',
      );
    },
  };
}
