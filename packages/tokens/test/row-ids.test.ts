import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSafetensors } from '@vqkit/checkpoint/node';
import { openRowIds, writeRowIds } from '@vqkit/tokens';
import { afterAll, beforeAll, expect, test } from 'vitest';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vqkit-row-ids-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  ['ids.npy', 'integers', BigInt64Array.of(7n, 8n)],
  ['ids.safetensors', 'integers', BigInt64Array.of(7n, 8n)],
  ['ids.parquet', 'texts', ['pen', 'ink']],
] as const)('ids and keys come back from %s', async (name, keys, given) => {
  const path = join(folder, name);
  const values = Int32Array.of(3, 1, 0, -1);
  await writeRowIds(path, { count: 2, columns: 2, keys }, [{ values, keys: given }]);
  const file = await openRowIds(path);
  expect(file).toMatchObject({ count: 2, columns: 2, keys });
  expect(await file.read(0, 2)).toEqual({ values, keys: given });
});

test('what is no id is refused', async () => {
  const path = join(folder, 'floats.safetensors');
  await writeSafetensors(path, { ids: { dtype: 'F32', shape: [1, 2], data: Float32Array.of(1, 2) } });
  const floats = await openRowIds(path);
  await expect(floats.read(0, 1)).rejects.toThrow(/'ids' must be of integers, got F32/);
  await writeSafetensors(path, { ids: { dtype: 'I64', shape: [1, 1], data: BigInt64Array.of(2n ** 31n) } });
  const large = await openRowIds(path);
  await expect(large.read(0, 1)).rejects.toThrow(/int32 holds exactly, got 2147483648/);
});
