import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
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
  expect(trained.stderr).toContain('run: 0 parameters, 540 training, 60 validation and 600 test rows, engine wasm');
  expect(trained.stderr).toMatch(/validation error 0\.\d+, perplexity/);
  expect(trained).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(
      /600 rows in 15.0 bits each.*\nlayer +codes used +utilization +perplexity +error\n +0 +\d+ of 32[\s\S]*report.html/,
    ),
  });
  const { test: report, ids } = JSON.parse(await readFile(join(folder, 'run/summary.json'), 'utf8'));
  const { layers } = report.codes;
  expect(layers).toHaveLength(3);
  expect(layers[2].errorOfVariance).toBeLessThan(layers[0].errorOfVariance);
  expect(report.quality.error).toBeCloseTo(layers[2].errorOfVariance, 4);
  expect(report.quality.error).toBeLessThan(0.05);
  expect(ids.columns).toBe(4);
  expect(ids.collisions.groups).toBeGreaterThanOrEqual(1);
  expect(await readFile(join(folder, 'run/report.html'), 'utf8')).toContain('Error against depth');
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
  const again = await (await openRows('test', join(folder, 'ids.npy'))).read(0, ROWS);
  expect(Array.from(again.values)).toEqual(Array.from(all.values).filter((_, i) => i % 4 < 3));

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
    '--batch-size',
    '128',
    '--learning-rate',
    '0.01',
    '--codebook-size',
    '16',
  ];
  const more = ['--schedule', 'cosine', '--ema', '0.9', '--accumulate', '2', '--steps', '75', '--out-dir', 'rq'];
  expect(await call('train', '--data-path', 'items.npy', ...given, ...more)).toMatchObject({ code: 0 });
  const { test: report } = JSON.parse(await readFile(join(folder, 'rq/summary.json'), 'utf8'));
  expect(report.quality.error).toBeLessThan(1);
  expect(report.codes.layers).toHaveLength(4);
  expect(await call('encode', 'rq', 'items.npy', '--out', 'rq.safetensors')).toMatchObject({ code: 0 });
  const exported = await vqkitHere(['export', 'rq', '--out', 'rq-tokenizer.safetensors'], folder);
  expect(exported).toMatchObject({ code: 0, stdout: expect.stringContaining('a token for a vector of 8 numbers') });
  const inspected = await vqkitHere(['inspect', 'rq-tokenizer.safetensors'], folder);
  expect(inspected).toMatchObject({ code: 0, stdout: expect.stringContaining('mlp around residual-vq') });
});

const file = (name: string): string => fileURLToPath(new URL(`vectors/${name}`, import.meta.url));

/** Of NumPy, safetensors and pyarrow: see vectors/make.py. */
test.each([
  ['integers.npy', 'I8'],
  ['doubles.npy', 'F64'],
  ['half.npy', 'F16'],
  ['integers.safetensors', 'I32'],
  ['half.safetensors', 'F16'],
  ['integers.parquet', 'I64'],
  ['half.parquet', 'F16'],
])('%s is converted, and that is said', async (name, dtype) => {
  const small = ['--codebook-size', '8', '--out-dir', `run-${name}`];
  const { code, stderr } = await call('train', '--data-path', file(name), ...small);
  expect(stderr).toContain(`${name} holds ${dtype}, which is converted to float32`);
  expect(code).toBe(0);
});

test.each<[RegExp, string[]]>([
  [
    /must be at least as many as the 1024 codes, got 540/,
    ['train', '--data-path', 'items.npy', '--codebook-size', '1024'],
  ],
  [/dataPath must be given|--data-path must be given/, ['train', '--data', 'vectors']],
  [/--ema must not be given with --arch 'none', got 0.9/, ['train', '--data-path', 'items.npy', '--ema', '0.9']],
  [/--widths must not be given with --data 'vectors'/, ['train', '--data-path', 'items.npy', '--widths', '8']],
  [/got NaN in row 17 \(key sku-17\)/, ['train', '--data-path', file('nan.parquet'), '--key-column', 'sku']],
  [/got NaN in row 17\. Leave that row out/, ['train', '--data-path', file('nan.npy')]],
  [/within float32, got 1e\+300 in row 3/, ['train', '--data-path', file('beyond.parquet')]],
  [/must have 4 numbers in every row, as in row 0, got 3 in row 9/, ['train', '--data-path', file('ragged.parquet')]],
  [/must have 4 numbers in every row, as in row 0, got 0 in row 6/, ['train', '--data-path', file('null.parquet')]],
  [/column of lists of numbers, of which the file has \[\]/, ['train', '--data-path', file('no-vectors.parquet')]],
  [/at least as many as the 8 codes, got 4/, ['train', '--data-path', file('few.npy'), '--codebook-size', '8']],
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
  expect(await readdir(folder)).not.toContain('runs');
});
