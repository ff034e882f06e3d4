import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadDataset } from '@vqkit/data/node';
import { createConfig } from '@vqkit/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recipeFashion } from '../experiments/recipe.ts';
import { runToEnd } from '../src/child.ts';
import type { Raw } from '../src/experiment.ts';
import { writeIdx } from '../src/idx.ts';
import { PACKAGE_FOLDER } from '../src/paths.ts';
import { recipeRunSchema } from '../src/recipe/settings.ts';
import { recipeAnswer, recipeTables, recipeVerdicts } from '../src/recipe/summary.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = { l1: 0.1, psnr: 20, usedCodes: 200, perplexity: 150, stepsPerSecond: 10, peakMiB: 300 };

describe('recipeVerdicts', () => {
  const ours = { quantizer: 'fsq', engine: 'wasm', runs: [run, { ...run, l1: 0.12 }] } as const;
  const theirs = {
    quantizer: 'fsq',
    engine: 'torch',
    runs: [
      { ...run, l1: 0.11 },
      { ...run, l1: 0.105 },
    ],
  } as const;

  it('compares the means by their interval, and the speeds', () => {
    expect(recipeVerdicts([ours, theirs])).toMatchObject([
      { verdict: 'undecided', measured: '0.11 (0.1 to 0.12) against 0.107 (0.105 to 0.11)' },
      { verdict: 'reproduced', expected: '0.5×' },
    ]);
    const again = { ...ours, runs: theirs.runs.map(({ l1, ...each }) => ({ ...each, l1: l1 + 1e-5 })) };
    const three = (runs: readonly (typeof run)[]): (typeof run)[] => [...runs, ...runs, ...runs];
    const same = recipeVerdicts([
      { ...again, runs: three(again.runs) },
      { ...theirs, runs: three(theirs.runs) },
    ]);
    expect(same[0]).toMatchObject({
      verdict: 'reproduced',
      remark: expect.stringMatching(/with 95 % confidence, from 6/),
    });
    const worse = {
      ...ours,
      runs: [0.2, 0.21, 0.22].map((l1) => ({ ...run, l1, stepsPerSecond: 1 })),
    };
    expect(recipeVerdicts([worse, theirs]).map(({ verdict }) => verdict)).toEqual(['not reproduced', 'not reproduced']);
  });

  it('does not call worse numbers as good because two ranges meet', () => {
    const of = (l1s: number[]): (typeof run)[] => l1s.map((l1) => ({ ...run, l1 }));
    const results = [
      { ...ours, runs: of([14, 20, 20]) },
      { ...theirs, runs: of([12, 12, 14]) },
    ];
    expect(recipeVerdicts(results)[0]?.verdict).toBe('undecided');
    expect(recipeAnswer(results, 'MNIST')).toContain(
      'shown for 0 of 1 quantizers, undecided for 1, because 3 seeds are too few to tell',
    );
  });

  it('decides nothing without PyTorch', () => {
    expect(recipeVerdicts([ours]).map(({ verdict }) => verdict)).toEqual(['beyond reach here', 'beyond reach here']);
    expect(recipeAnswer([ours], 'MNIST')).toContain('PyTorch was not measured.');
  });

  it('shows mean and spread', () => {
    expect(recipeTables([ours], 500)[0]?.rows[0]?.slice(0, 3)).toEqual(['FSQ', 'vqkit, wasm', '0.11 (0.1 to 0.12)']);
  });
});

it('trains in a process of its own on files that it has written', async () => {
  const { train } = await loadDataset(createConfig({ validationSize: 0 }));
  await writeIdx(join(folder, 'train-images-idx3-ubyte'), train, 512);
  await writeIdx(join(folder, 't10k-images-idx3-ubyte'), train, 100);
  const written = await loadDataset(createConfig({ data: 'idx', dataPath: folder, validationSize: 0, seed: 1234 }));
  expect([written.train.count, written.test.count]).toEqual([512, 100]);
  expect(written.test.batch([7])).toEqual(train.batch([7]));
  const settings = { quantizer: 'fsq', loss: 'mse', seed: 1, steps: 2, engine: 'wasm', threads: 1, dataPath: folder };
  const output = await runToEnd(process.execPath, [
    `${PACKAGE_FOLDER}dist/src/recipe/worker.js`,
    JSON.stringify(settings),
  ]);
  const { l1, stepsPerSecond } = recipeRunSchema.parse(JSON.parse(output));
  expect(l1).toBeGreaterThan(0);
  expect(stepsPerSecond).toBeGreaterThan(0);
});

it('says which data are missing', async () => {
  const context = {
    quick: true,
    seeds: [1],
    cores: 2,
    python: undefined,
    dataDir: join(folder, 'nothing'),
    part: <T>(name: string, _: unknown, work: (raw: Raw) => Promise<T>): Promise<T> =>
      name === 'the images' ? work(() => undefined) : Promise.reject(new Error('not reached')),
    log: () => undefined,
    progress: () => undefined,
  };
  await expect(recipeFashion.run(context)).rejects.toThrow(/^bench: train-images-idx3-ubyte\.gz of |^not reached/);
});

it('says why a process failed', async () => {
  await expect(runToEnd(process.execPath, ['-e', 'throw new RangeError("too far")'])).rejects.toThrow(
    'its process ended with exit code 1: RangeError: too far',
  );
  await expect(runToEnd('no-such-program', [])).rejects.toThrow('ENOENT');
});
