import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeNpyHeader } from '@vqkit/checkpoint';
import { writeSafetensors } from '@vqkit/checkpoint/node';
import { createRng } from '@vqkit/core-tensor';
import { openRows, writeRows } from '@vqkit/rows';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ended, vqkitHere } from './cli.ts';

const ROWS = 600;
let folder: string;
const rng = createRng(3);
const centres = rng.normalArray(32 * 8, 3);
const values = rng
  .normalArray(ROWS * 8, 0.2)
  .map((noise, i) => noise + (centres[(Math.floor(i / 8) % 32) * 8 + (i % 8)] as number));
// The last two rows are the same.
values.copyWithin((ROWS - 1) * 8, (ROWS - 2) * 8, (ROWS - 1) * 8);
const keys = Array.from({ length: ROWS }, (_, n) => `item ${n}`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vqkit-vectors-'));
  const layout = { column: 'embedding', dtype: 'F32', count: ROWS, width: 8, keys: 'texts' } as const;
  await writeRows(join(folder, 'items.parquet'), layout, [{ values, keys }]);
  await writeFile(
    join(folder, 'items.npy'),
    Buffer.concat([encodeNpyHeader('F32', [ROWS, 8]), new Uint8Array(values.buffer)]),
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const call = (...args: string[]): Promise<Ended> => vqkitHere([...args, '--engine', 'wasm', '--threads', '1'], folder);

test('a stack is fitted to items; ids of all of them, with their keys, tell them apart', async () => {
  const small = ['--codebook-size', '32', '--set', 'quantizerOptions.numQuantizers=3', '--out-dir', 'run'];
  const trained = await call('train', '--data', 'vectors', '--data-path', 'items.parquet', '--unique', ...small);
  expect(trained.stderr).toContain('600 rows of 8 numbers, engine wasm');
  expect(trained).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/level +codes used +perplexity +error\n +0 +\d+ of 32/),
  });
  const report = JSON.parse(await readFile(join(folder, 'run/report.json'), 'utf8'));
  expect(report).toMatchObject({
    rows: ROWS,
    columns: 4,
    config: { quantizer: 'residual-vq', arch: 'none' },
  });
  expect(report.levels).toHaveLength(3);
  expect(report.levels[2].error).toBeLessThan(report.levels[0].error);
  expect(report.error).toBeCloseTo(report.levels[2].error, 4);
  expect(report.error).toBeLessThan(0.05);
  expect(report.collisions.groups).toBeGreaterThanOrEqual(1);
  const rows = await openRows('test', join(folder, 'run/ids.parquet'));
  const all = await rows.read(0, ROWS);
  expect(all.keys).toEqual(keys);
  const tuples = Array.from({ length: ROWS }, (_, n) =>
    Array.from(all.values)
      .slice(4 * n, 4 * n + 4)
      .join(),
  );
  expect(new Set(tuples).size).toBe(ROWS);

  const encoded = await call('encode', 'run', 'items.npy', '--out', 'ids.npy');
  expect(encoded).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/600 rows in 15.0 bits each.*share ids with others/),
  });
  const ids = await (await openRows('test', join(folder, 'ids.npy'))).read(0, ROWS);
  expect(Array.from(ids.values)).toEqual(Array.from(all.values).filter((_, i) => i % 4 < 3));

  for (const [from, to] of [
    ['run/ids.parquet', 'a.parquet'],
    ['ids.npy', 'a.safetensors'],
    ['ids.npy', 'a.npy'],
  ] as const) {
    expect(await call('decode', 'run', from, '--out', to)).toMatchObject({ code: 0, stdout: `600 rows\n${to}\n` });
    const back = await (await openRows('test', join(folder, to))).read(0, ROWS);
    const lost = values.reduce((sum, value, i) => sum + (value - Number(back.values[i])) ** 2, 0);
    expect(lost / (ROWS * 8)).toBeLessThan(0.05 * 9.04);
  }
});

test('linear layers around the stack are trained', async () => {
  const given = [
    '--arch',
    'mlp',
    '--hidden',
    '16',
    '--steps',
    '150',
    '--batch-size',
    '128',
    '--learning-rate',
    '0.01',
    '--codebook-size',
    '16',
    '--out-dir',
    'rq',
  ];
  expect(await call('train', '--data-path', 'items.npy', ...given)).toMatchObject({ code: 0 });
  const { error, levels } = JSON.parse(await readFile(join(folder, 'rq/report.json'), 'utf8'));
  expect(error).toBeLessThan(1);
  expect(levels).toHaveLength(4);
  expect(await call('encode', 'rq', 'items.npy', '--out', 'rq.safetensors')).toMatchObject({ code: 0 });
});

test.each<[RegExp, string[]]>([
  [
    /must be at least as many as the 1024 codes, got 600/,
    ['train', '--data-path', 'items.npy', '--codebook-size', '1024'],
  ],
  [/dataPath must be given|--data-path must be given/, ['train', '--data', 'vectors']],
  [
    /steps must not be given with arch 'none', got 5|--steps must not be given/,
    ['train', '--data-path', 'items.npy', '--steps', '5'],
  ],
  [/column must be a column of lists of numbers.*got "x"/, ['train', '--data-path', 'items.parquet', '--column', 'x']],
  [/must have finite numbers within float32, got NaN in row 1/, ['train', '--data-path', 'nan.safetensors']],
  [
    /must learn without gradients/,
    ['train', '--data-path', 'items.npy', '--quantizer', 'simvq', '--codebook-size', '16'],
  ],
])('%s', async (message, args) => {
  await writeSafetensors(join(folder, 'nan.safetensors'), {
    x: { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, 2, 3, Number.NaN) },
  });
  const { code, stderr } = await call(...args);
  expect(stderr).toMatch(message);
  expect(code).not.toBe(0);
});
