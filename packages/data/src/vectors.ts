import { DataError, floatsOf, phrase } from '@vqkit/core-tensor';
import { openRows, type RowFile, type RowKeys, type RowOptions } from '@vqkit/rows';
import type { Source } from './source.ts';

/** Some rows of a file of vectors. */
export interface VectorBlock {
  /** [rows, dim], row-major and finite. */
  readonly vectors: Float32Array;
  /** One per row; the row's number, counted from 0, in a file without keys. */
  readonly keys: RowKeys;
}

/** Vectors of one width in a fixed order, such as embeddings of items. */
export interface VectorSource extends Source<VectorBlock>, Pick<RowFile, 'column' | 'keys'> {
  /** Numbers of a vector. */
  readonly dim: number;
  /** What the file holds, by the names of safetensors; whatever is not `F32` is converted, and rounded where float32 cannot hold it. */
  readonly dtype: string;
}

/**
 * Opens a file of vectors, .npy, .safetensors or .parquet, to be read in blocks as float32: of any size, since of the first two a block is held,
 * of parquet a row group.
 *
 * @throws as `openRows` of @vqkit/rows; `read` a DataError naming the first row with a NaN, an infinity or a number beyond float32.
 * @example
 * await writeFileAtomic('vectors.npy', [encodeNpyHeader('I8', [2, 2]), Uint8Array.of(1, 2, 3, 255)]);
 * const items = await openVectors('vectors.npy');
 * (await items.read(1, 2)).vectors; // [ 3, -1 ]
 */
export async function openVectors(path: string, options: RowOptions = {}): Promise<VectorSource> {
  const rows = await openRows('openVectors', path, options);
  const { count, width: dim, dtype, keys, column } = rows;
  return {
    count,
    dim,
    dtype,
    keys,
    ...(column === undefined ? {} : { column }),
    async read(from, to) {
      const { values, keys } = await rows.read(from, to);
      const vectors = rounded(path, dtype, values);
      // x - x is 0, or NaN where x is not finite: one pass without a branch.
      let sum = 0;
      for (const value of vectors) sum += value - value;
      const wrong = sum === 0 ? -1 : vectors.findIndex((value) => !Number.isFinite(value));
      if (wrong < 0) return { vectors, keys };
      const row = Math.floor(wrong / dim);
      const key = rows.keys === 'row numbers' ? '' : ` (key ${String(keys[row])})`;
      throw new DataError(
        'openVectors',
        path,
        'have finite numbers within float32',
        phrase(`${String(values[wrong])} in row ${from + row}${key}`, values[wrong]),
        'Leave that row out.',
      );
    },
  };
}

/** As float32, the nearest where it is not exact. */
function rounded(path: string, dtype: string, values: ArrayLike<number | bigint>): Float32Array {
  if (values instanceof Float32Array) return values;
  if (values instanceof Float64Array || /^([IU]\d+|BOOL)$/.test(dtype))
    return Float32Array.from(values as ArrayLike<number>, Number);
  return floatsOf(`openVectors: ${path}`, 'values', { dtype, shape: [values.length], data: values });
}
