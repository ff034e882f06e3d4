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
import { writeData } from '../src/recipe/data.ts';
import { trainByPyTorch, trainHere } from '../src/recipe/programs.ts';
import { COMPARED_STEPS, type WorkerSettings } from '../src/recipe/settings.ts';
import { type Contender, speedAnswer, speedTables, speedVerdicts, type Turn } from '../src/recipe/speed.ts';
import { writeStart } from '../src/recipe/start.ts';
import { type Pair, recipeAnswer, recipeTables, recipeVerdicts, SAME_LOSS } from '../src/recipe/summary.ts';
import goldens from './recipe-losses.json' with { type: 'json' };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = { l1: 0.1, psnr: 20, usedCodes: 200, perplexity: 150 };

/** Pairs by their L1. */
const pairsOf = (...l1s: readonly (readonly [ours: number, theirs: number])[]): Pair[] =>
  l1s.map(([ours, theirs]) => ({ ours: { ...run, l1: ours }, theirs: { ...run, l1: theirs }, apart: 1e-5 }));
const verdictsOf = (pairs: readonly Pair[]): string[] =>
  recipeVerdicts([{ quantizer: 'fsq', pairs }]).map(({ verdict }) => verdict);

describe('trainings in pairs', () => {
  it('are the same by the interval of their differences, whatever the seeds do to both', () => {
    expect(verdictsOf(pairsOf([0.1, 0.1001], [0.15, 0.1502], [0.2, 0.2001]))).toEqual(['reproduced', 'reproduced']);
    expect(verdictsOf(pairsOf([0.15, 0.1], [0.2, 0.15], [0.251, 0.2]))[1]).toBe('not reproduced');
  });

  it('are not called the same because two ranges meet, nor of one seed', () => {
    const pairs = pairsOf([14, 12], [20, 12], [20, 14]);
    expect(verdictsOf(pairs)[1]).toBe('undecided');
    expect(recipeAnswer([{ quantizer: 'fsq', pairs }], 'MNIST')).toContain('not decided by 3 seeds: FSQ');
    expect(verdictsOf(pairsOf([1, 1]))[1]).toBe('undecided');
  });

  it('have other losses where one step of one seed has', () => {
    const [one, other] = pairsOf([0.1, 0.1], [0.1, 0.1]) as [Pair, Pair];
    expect(verdictsOf([one, { ...other, apart: 2 * SAME_LOSS }])[0]).toBe('not reproduced');
  });

  it('tell how far PyTorch is from itself, where that was measured', () => {
    const pairs = pairsOf([0.1, 0.1], [0.1, 0.1]);
    const results = [{ quantizer: 'lfq', pairs, itself: [3e-5, 5e-5] }] as const;
    const text = 'PyTorch is 4.0e-5 (3.0e-5 to 5.0e-5) apart from itself, 2 seeds';
    expect(recipeVerdicts(results)[0]?.remark).toContain(text);
    expect(recipeAnswer(results, 'MNIST')).toContain(text);
    expect(recipeAnswer([{ quantizer: 'lfq', pairs }], 'MNIST')).not.toContain('itself');
  });

  it('decide nothing without PyTorch', () => {
    const alone = [{ quantizer: 'fsq', pairs: [{ ours: run, theirs: null, apart: null }] }] as const;
    expect(recipeVerdicts(alone).map(({ verdict }) => verdict)).toEqual(['beyond reach here', 'beyond reach here']);
    expect(recipeAnswer(alone, 'MNIST')).toContain('PyTorch was not measured.');
    expect(recipeTables(alone, 400).map(({ rows }) => rows)).toEqual([
      [['FSQ', 'vqkit', '0.1', '20', '200', '150']],
      [['FSQ', null, null, null]],
    ]);
  });

  it('show mean and spread, and the difference', () => {
    const [all, differences] = recipeTables([{ quantizer: 'fsq', pairs: pairsOf([0.1, 0.11], [0.12, 0.13]) }], 400);
    expect(all?.rows[0]?.slice(0, 3)).toEqual(['FSQ', 'vqkit', '0.11 (0.1 to 0.12)']);
    expect(differences?.rows[0]).toEqual(['FSQ', '-0.01 (-0.01 to -0.01)', '0 (0 to 0)', '1.0e-5']);
  });
});

describe('trainings by the clock', () => {
  const turn = (vqkit: number, torch: number, kept: number): Turn => {
    const run = (stepsPerSecond: number) => ({ stepsPerSecond, peakMiB: 300 });
    return { runs: { vqkit: run(vqkit), torch: run(torch), 'torch, freed memory kept': run(kept) }, busy: 0 };
  };

  it('are judged against the faster of the two allocators', () => {
    const timed = [{ quantizer: 'lfq', turns: [turn(15, 7, 16), turn(15.1, 7, 16), turn(15, 7, 16.1)] }] as const;
    expect(speedVerdicts(timed)[0]).toMatchObject({ verdict: 'not reproduced', expected: '1×' });
    expect(speedVerdicts([{ ...timed[0], quantizer: 'fsq' }])[0]?.verdict).toBe('reproduced');
    expect(speedAnswer(timed)).toContain(
      'as it comes: LFQ 2.15×; against PyTorch with its freed memory kept: LFQ 0.938×',
    );
    expect(speedTables(timed)[0]?.rows).toEqual([
      ['LFQ', '15 (15 to 15.1)', '7', '16 (16 to 16.1)', '2.15×', '0.938×'],
    ]);
  });

  it('say what is absent, and how many were not alone', () => {
    const runs = { vqkit: { stepsPerSecond: 15, peakMiB: 300 } } satisfies Partial<Record<Contender, unknown>>;
    const timed = [{ quantizer: 'lfq', turns: [{ runs, busy: 1 }] }] as const;
    expect(speedVerdicts(timed)[0]?.verdict).toBe('beyond reach here');
    expect(speedAnswer(timed)).toMatch(/^PyTorch was not measured/);
    expect(speedTables(timed).at(-1)?.rows).toEqual([[1, 1]]);
  });
});

/** The images of the goldens on the disk, and the settings of a training by vqkit. */
async function prepared(steps: number, quantizer: WorkerSettings['quantizer']): Promise<WorkerSettings> {
  await writeData(folder, goldens.images);
  return { quantizer, loss: 'mse', seed: goldens.settings.seed, steps, engine: 'wasm', threads: 1, dataPath: folder };
}

/** The largest difference of a loss from the first ones of PyTorch. */
function apartOf(losses: readonly number[], quantizer: WorkerSettings['quantizer']): number {
  const theirs = goldens.losses[quantizer];
  return Math.max(...losses.map((loss, i) => Math.abs(loss - (theirs[i] ?? Number.NaN))));
}

it('trains in a process of its own on files that it has written, with the losses of PyTorch', async () => {
  const settings = await prepared(2, 'fsq');
  const { train } = await loadDataset(createConfig({ validationSize: 0 }));
  const written = await loadDataset(createConfig({ data: 'idx', dataPath: folder, validationSize: 0, seed: 1234 }));
  expect([written.train.count, written.test.count]).toEqual([2560, 100]);
  expect(written.train.batch([7])).toEqual(train.batch([7]));
  const { l1, losses } = await trainHere(settings);
  expect(l1).toBeGreaterThan(0);
  expect(losses).toHaveLength(2);
  expect(apartOf(losses, 'fsq')).toBeLessThan(SAME_LOSS);
});

const QUANTIZERS = ['fsq', 'simvq', 'lfq'] as const;

describe.skipIf(!fullRun)(titleIf(fullRun, 'the losses of PyTorch, kept in recipe-losses.json'), () => {
  it.each(QUANTIZERS)('%s has each of the first 40 within 1e-4', async (quantizer) => {
    const { losses } = await trainHere(await prepared(40, quantizer));
    expect(losses).toHaveLength(40);
    expect(apartOf(losses, quantizer)).toBeLessThan(SAME_LOSS);
  });
});

it('writes what PyTorch begins with: every weight, and the images of each step', async () => {
  const settings = await prepared(11, 'simvq');
  const { tensors } = await readSafetensors(await writeStart(join(folder, 'start.safetensors'), settings, 2560));
  const { order, ends, ...weights } = tensors;
  // Ten steps are an epoch of 2,560 images.
  expect([...(ends?.data ?? [])]).toEqual(Array.from({ length: 11 }, (_, i) => 256 * (i + 1)));
  const drawn = [...(order?.data ?? [])].map(Number);
  expect(new Set(drawn.slice(0, 2560)).size).toBe(2560);
  const reversed = await readSafetensors(await writeStart(join(folder, 'reversed.safetensors'), settings, 2560, true));
  expect([...(reversed.tensors.order?.data ?? [])].map(Number).slice(256, 512)).toEqual(
    drawn.slice(256, 512).reverse(),
  );
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
    it.each(QUANTIZERS)('%s has its loss at each of 100 steps', { timeout: 300_000 }, async (quantizer) => {
      const settings = await prepared(COMPARED_STEPS, quantizer);
      const start = await writeStart(join(folder, `${quantizer}.safetensors`), settings, goldens.images.train);
      const ours = await trainHere(settings);
      const theirs = await trainByPyTorch(settings, { python: PYTHON, folder, start });
      expect(theirs.losses).toHaveLength(COMPARED_STEPS);
      // What is kept is what it gives.
      expect(apartOf(theirs.losses, quantizer)).toBeLessThan(SAME_LOSS);
      expect(Math.max(...ours.losses.map((loss, i) => Math.abs(loss - (theirs.losses[i] ?? Number.NaN))))).toBeLessThan(
        SAME_LOSS,
      );
      expect(Math.abs((ours.psnr ?? 0) - (theirs.psnr ?? 9))).toBeLessThan(0.05);
    });
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
