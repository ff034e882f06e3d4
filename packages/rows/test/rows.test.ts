import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeNpyHeader } from '@vqkit/checkpoint';
import { readSafetensors, writeSafetensors } from '@vqkit/checkpoint/node';
import { QuantizerError } from '@vqkit/core-tensor';
import { openRows, type RowBlock, type RowKeys, type RowLayout, requireWritableRows, writeRows } from '@vqkit/rows';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vqkit-rows-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const made = (name: string): string => fileURLToPath(new URL(`files/${name}.parquet`, import.meta.url));
const numbers = (values: ArrayLike<number | bigint>): number[] => Array.from(values, Number);
/** Rows 5 to 12 of what make.py wrote, over the border of two row groups. */
const expected = Array.from({ length: 28 }, (_, i) => (20 + i) / 8);

describe.each(['snappy', 'zstd'])('a file of pyarrow, %s', (codec) => {
  test.each([
    ['list', 'F32'],
    ['fixed', 'F32'],
    ['double', 'F64'],
    ['half', 'F16'],
  ])('column %s', async (column, dtype) => {
    const rows = await openRows('test', made(codec), { column, keyColumn: 'sku' });
    expect(rows).toMatchObject({ count: 20, width: 4, dtype, column, keys: 'texts' });
    const { values, keys } = await rows.read(5, 12);
    expect(numbers(values)).toEqual(expected);
    expect(keys).toEqual([5, 6, 7, 8, 9, 10, 11].map((n) => `item-${n}`));
  });

  test('integers, as values and as keys', async () => {
    const rows = await openRows('test', made(codec), { column: 'whole', keyColumn: 'number' });
    expect(rows).toMatchObject({ dtype: 'I64', keys: 'integers' });
    const { values, keys } = await rows.read(18, 20);
    expect(numbers(values)).toEqual([72, 73, 74, 75, 76, 77, 78, 79]);
    expect(keys).toEqual(BigInt64Array.of(54n, 57n));
  });

  test('a row without a list, or with one of another length, is named', async () => {
    const open = (column: string): ReturnType<typeof openRows> => openRows('test', made(codec), { column });
    await expect((await open('ragged')).read(0, 20)).rejects.toThrow(/must have 4 numbers.*got 3 in row 7/);
    await expect((await open('gaps')).read(8, 12)).rejects.toThrow(/must have 2 numbers.*got 0 in row 9/);
  });

  test.each([
    [{}, /column must be a column of lists of numbers.*got 7 of them/],
    [{ column: 'words' }, /column must be a column of lists.*got "words"/],
    [{ column: 'none' }, /column must be a column of lists.*got "none"/],
    [{ column: 'list', keyColumn: 'fixed' }, /keyColumn must be a column of integers or texts.*got "fixed"/],
  ])('%j is refused', async (options, message) => {
    await expect(openRows('test', made(codec), options)).rejects.toThrow(message);
  });
});

describe.each(['delta-v1', 'delta-v2'])('a file of pyarrow, %s: pages that end within rows', (name) => {
  test.each([
    ['list', 8],
    ['whole', 1],
  ])('column %s', async (column, over) => {
    const rows = await openRows('test', made(name), { column, keyColumn: 'sku' });
    const { values, keys } = await rows.read(5, 12);
    expect(numbers(values)).toEqual(expected.map((value) => (value * 8) / over));
    expect(keys).toEqual([5, 6, 7, 8, 9, 10, 11].map((n) => `item-${n}`));
    expect(numbers((await rows.read(1, 2)).values)).toEqual([4, 5, 6, 7].map((value) => value / over));
  });

  test('a byte that is wrong is an error with a name, or a value', async () => {
    const whole = await readFile(made(name));
    const path = join(folder, `${name}.parquet`);
    for (let at = 4; at < whole.length; at += 7) {
      const bytes = Uint8Array.from(whole);
      bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
      await writeFile(path, bytes);
      const read = async (): Promise<RowBlock> => {
        const rows = await openRows('test', path, { column: 'whole', keyColumn: 'sku' });
        return rows.read(0, Math.min(rows.count, 40));
      };
      await read().catch((error: unknown) => expect(error, `byte ${at}`).toBeInstanceOf(QuantizerError));
    }
  });
});

test('parquet promises more than it has: the file ended the process, an array took as many values as a run says', async () => {
  const path = fileURLToPath(new URL('damaged/run-without-end.parquet', import.meta.url));
  const options = { column: 'list', keyColumn: 'sku' };
  const read = openRows('test', path, options).then((rows) => rows.read(0, 20));
  await expect(read).rejects.toThrow(/must be a parquet file.*a run of values goes on past/);
});

test('a schema with fewer than no children ends: hyparquet went round for ever', async () => {
  const path = fileURLToPath(new URL('damaged/children-below-zero.parquet', import.meta.url));
  const read = openRows('test', path, { column: 'list', keyColumn: 'sku' }).then((rows) => rows.read(0, 20));
  await read.catch((error: unknown) => expect(error).toBeInstanceOf(QuantizerError));
});

const texts = ['a', 'ä', ''];
const integers = BigInt64Array.of(-1n, 2n ** 62n, 5n);
const layout = (keys: RowLayout['keys']): RowLayout => ({ column: 'ids', dtype: 'I32', count: 3, width: 3, keys });
const block = (from: number, to: number, keys: RowKeys): RowBlock & { values: Int32Array } => ({
  values: Int32Array.from({ length: 3 * (to - from) }, (_, i) => 3 * from + i),
  keys: keys.slice(from, to) as RowKeys,
});

describe('what is written is read', () => {
  test.each([
    ['.npy', 'row numbers', BigInt64Array.of(0n, 1n, 2n)],
    ['.npy', 'integers', integers],
    ['.safetensors', 'integers', integers],
    ['.parquet', 'integers', integers],
    ['.parquet', 'texts', texts],
  ] as const)('%s with %s', async (ending, kind, keys) => {
    const path = join(folder, `ids${ending}`);
    await writeRows(path, layout(kind), [block(0, 2, keys), block(2, 3, keys)]);
    const rows = await openRows('test', path);
    expect(rows).toMatchObject({ count: 3, width: 3, dtype: 'I32', keys: kind });
    const { values, keys: back } = await rows.read(1, 3);
    expect(numbers(values)).toEqual([3, 4, 5, 6, 7, 8]);
    expect(back).toEqual(keys.slice(1));
  });

  test('a safetensors file is one for every reader', async () => {
    const path = join(folder, 'whole.safetensors');
    await writeRows(path, { ...layout('integers'), metadata: { note: 'x' } }, [block(0, 3, integers)]);
    const { tensors, metadata } = await readSafetensors(path);
    expect(tensors.ids).toEqual({ dtype: 'I32', shape: [3, 3], data: Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8) });
    expect(tensors.key?.data).toEqual(integers);
    expect(metadata).toEqual({ note: 'x' });
  });

  test('keys of an older file beside .npy go', async () => {
    const path = join(folder, 'again.npy');
    await writeRows(path, layout('integers'), [block(0, 3, integers)]);
    await writeRows(path, layout('row numbers'), [block(0, 3, BigInt64Array.of(0n, 1n, 2n))]);
    await expect(stat(join(folder, 'again.keys.npy'))).rejects.toThrow(/ENOENT/);
  });

  test('too few rows leave the file as it was', async () => {
    const path = join(folder, 'kept.npy');
    await writeFile(path, 'before');
    await expect(writeRows(path, layout('row numbers'), [block(0, 2, integers)])).rejects.toThrow(
      /must have 3 rows, got 2/,
    );
    expect(await readFile(path, 'utf8')).toBe('before');
  });

  test('texts go into .parquet alone', async () => {
    const write = requireWritableRows('test', join(folder, 'ids.npy'), 'texts');
    await expect(write).rejects.toThrow(/must end in .parquet, for the keys are texts/);
  });
});

describe('arrays', () => {
  const write = async (name: string, dtype: 'F16' | 'F32', shape: number[], bytes: number): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, Buffer.concat([encodeNpyHeader(dtype, shape), new Uint8Array(bytes)]));
    return path;
  };

  test('a matrix is asked for, and all of it', async () => {
    await expect(openRows('test', await write('vector.npy', 'F32', [4], 16))).rejects.toThrow(/must be a matrix/);
    await expect(openRows('test', await write('short.npy', 'F32', [4, 2], 16))).rejects.toThrow(/must have \d+ bytes/);
    await expect(openRows('test', await write('x.npy', 'F32', [2, 2], 16), { column: 'x' })).rejects.toThrow(
      /column must not be given/,
    );
    await expect(openRows('test', join(folder, 'none.npy'))).rejects.toThrow(/none.npy must be a readable file/);
    await expect(openRows('test', join(folder, 'none.csv'))).rejects.toThrow(
      /must end in .npy, .safetensors, .parquet/,
    );
    await writeFile(join(folder, 'bad.parquet'), 'PAR1 and more, but no parquet file');
    await expect(openRows('test', join(folder, 'bad.parquet'))).rejects.toThrow(/must be a parquet file/);
  });

  test('of two matrices one is named; keys fit the rows', async () => {
    const path = join(folder, 'two.safetensors');
    const matrix = (rows: number) => ({ dtype: 'F32', shape: [rows, 1], data: new Float32Array(rows) }) as const;
    await writeSafetensors(path, {
      a: matrix(2),
      b: matrix(3),
      n: { dtype: 'I32', shape: [3], data: Int32Array.of(7, 8, 9) },
    });
    await expect(openRows('test', path)).rejects.toThrow(/got 2 of them: \["b","a"\]|got 2 of them/);
    await expect(openRows('test', path, { column: 'toString' })).rejects.toThrow(/column must be a tensor of the file/);
    await expect(openRows('test', path, { column: 'a', keyColumn: 'n' })).rejects.toThrow(
      /keys must be integers \[2\]/,
    );
    const { keys } = await (await openRows('test', path, { column: 'b', keyColumn: 'n' })).read(1, 3);
    expect(keys).toEqual(BigInt64Array.of(8n, 9n));
  });
});
