import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSafetensors } from '@vqkit/checkpoint/node';
import { loadDataset } from '@vqkit/data/node';
import { fullRun, PYTHON, pythonMissing, titleIf } from '@vqkit/testing';
import { createConfig } from '@vqkit/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recipeFashion } from '../experiments/recipe.ts';
import { runToEnd } from '../src/child.ts';
import type { Raw } from '../src/experiment.ts';
import { writeIdx } from '../src/idx.ts';
import { PACKAGE_FOLDER } from '../src/paths.ts';
import { type RecipeRun, recipeRunSchema, type WorkerSettings } from '../src/recipe/settings.ts';
import { writeStart } from '../src/recipe/start.ts';
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

/** Images on the disk for both, and a training of some steps by vqkit. */
async function prepared(steps: number, quantizer: WorkerSettings['quantizer']): Promise<WorkerSettings> {
  const { train } = await loadDataset(createConfig({ validationSize: 0 }));
  await writeIdx(join(folder, 'train-images-idx3-ubyte'), train, 2560);
  await writeIdx(join(folder, 't10k-images-idx3-ubyte'), train, 100);
  return { quantizer, loss: 'mse', seed: 1, steps, engine: 'wasm', threads: 1, dataPath: folder };
}

async function trainedHere(settings: WorkerSettings): Promise<RecipeRun> {
  const worker = `${PACKAGE_FOLDER}dist/src/recipe/worker.js`;
  return recipeRunSchema.parse(JSON.parse(await runToEnd(process.execPath, [worker, JSON.stringify(settings)])));
}

it('trains in a process of its own on files that it has written', async () => {
  const settings = await prepared(2, 'fsq');
  const { train } = await loadDataset(createConfig({ validationSize: 0 }));
  const written = await loadDataset(createConfig({ data: 'idx', dataPath: folder, validationSize: 0, seed: 1234 }));
  expect([written.train.count, written.test.count]).toEqual([2560, 100]);
  expect(written.test.batch([7])).toEqual(train.batch([7]));
  const { l1, losses } = await trainedHere(settings);
  expect(l1).toBeGreaterThan(0);
  expect(losses).toHaveLength(2);
});

it('writes what PyTorch begins with: every weight, and the images of each step', async () => {
  const settings = await prepared(11, 'simvq');
  const { tensors } = await readSafetensors(await writeStart(join(folder, 'start.safetensors'), settings, 2560));
  const { order, ends, ...weights } = tensors;
  // Ten steps are an epoch of 2,560 images.
  expect([...(ends?.data ?? [])]).toEqual(Array.from({ length: 11 }, (_, i) => 256 * (i + 1)));
  expect(new Set([...(order?.data ?? [])].slice(0, 2560).map(Number)).size).toBe(2560);
  expect(Object.keys(weights).filter((name) => name.startsWith('quantizer.'))).toHaveLength(5);
  expect(Object.keys(weights).filter((name) => name.endsWith('conv1.weight'))).toHaveLength(2);
});

const absent = fullRun ? pythonMissing('torch', 'safetensors', 'vector_quantize_pytorch') : undefined;

describe.skipIf(!fullRun || absent !== undefined)(
  titleIf(
    fullRun,
    `beside PyTorch, from the same weights on the same batches${absent === undefined ? '' : ` (${absent})`}`,
  ),
  () => {
    it.each(['fsq', 'simvq', 'lfq'] as const)(
      '%s has its loss at each of 100 steps',
      { timeout: 300_000 },
      async (quantizer) => {
        const settings = await prepared(100, quantizer);
        const start = await writeStart(join(folder, `${quantizer}.safetensors`), settings, 2560);
        const ours = await trainedHere(settings);
        const output = await runToEnd(PYTHON, [
          `${PACKAGE_FOLDER}peers/recipe.py`,
          ...['--quantizer', quantizer, '--steps', '100', '--threads', '1', '--start', start],
          ...['--images', join(folder, 'train-images-idx3-ubyte')],
          ...['--test-images', join(folder, 't10k-images-idx3-ubyte')],
        ]);
        const theirs = recipeRunSchema.parse(JSON.parse(output));
        expect(theirs.losses).toHaveLength(100);
        const apart = (ours.losses ?? []).map((loss, i) => Math.abs(loss - (theirs.losses?.[i] ?? Number.NaN)));
        expect(Math.max(...apart)).toBeLessThan(1e-4);
        expect(Math.abs((ours.psnr ?? 0) - (theirs.psnr ?? 9))).toBeLessThan(0.05);
      },
    );
  },
);

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
