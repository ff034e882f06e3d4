import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SafeTensor } from '@vqkit/checkpoint';
import { writeSafetensors } from '@vqkit/checkpoint/node';
import { openVectors, type VectorSource } from '@vqkit/data/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vqkit-vectors-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function holding(values: SafeTensor): Promise<VectorSource> {
  const path = join(folder, 'items.safetensors');
  await writeSafetensors(path, { values, key: { dtype: 'I32', shape: [3], data: Int32Array.of(70, 80, 90) } });
  return openVectors(path);
}

describe('vectors are float32, whatever the file holds', () => {
  const shape = [3, 2];
  test.each<[SafeTensor, number[]]>([
    [{ dtype: 'F32', shape, data: Float32Array.of(1, 2, 3, 4, 5, 6) }, [3, 4, 5, 6]],
    [{ dtype: 'F64', shape, data: Float64Array.of(1, 2, 0.1, 4, 5, 6) }, [Math.fround(0.1), 4, 5, 6]],
    [{ dtype: 'F16', shape, data: Uint16Array.of(0, 0, 0x3c00, 0xc100, 0, 1) }, [1, -2.5, 0, 2 ** -24]],
    [{ dtype: 'I64', shape, data: BigInt64Array.of(1n, 2n, -3n, 2n ** 24n + 1n, 5n, 6n) }, [-3, 2 ** 24, 5, 6]],
    [{ dtype: 'U8', shape, data: Uint8Array.of(1, 2, 3, 255, 5, 6) }, [3, 255, 5, 6]],
  ])('%#', async (values, expected) => {
    const source = await holding(values);
    expect(source).toMatchObject({ count: 3, dim: 2, dtype: values.dtype, column: 'values', keys: 'integers' });
    const { vectors, keys } = await source.read(1, 3);
    expect([...vectors]).toEqual(expected);
    expect(keys).toEqual(BigInt64Array.of(80n, 90n));
  });
});

test.each<[string, SafeTensor]>([
  ['NaN', { dtype: 'F32', shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, Number.NaN, 6) }],
  ['-Infinity', { dtype: 'F32', shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, -Infinity) }],
  ['1e+300', { dtype: 'F64', shape: [3, 2], data: Float64Array.of(1, 2, 3, 4, 5, 1e300) }],
])('%s is refused by its row and key', async (value, values) => {
  const source = await holding(values);
  expect((await source.read(0, 2)).vectors).toHaveLength(4);
  await expect(source.read(1, 3)).rejects.toThrow(
    `must have finite numbers within float32, got ${value} in row 2 (key 90)`,
  );
});

test('large numbers whose sum overflows are taken', async () => {
  const large = await holding({ dtype: 'F32', shape: [3, 2], data: new Float32Array(6).fill(3e38) });
  expect((await large.read(0, 3)).vectors[5]).toBe(Math.fround(3e38));
});
