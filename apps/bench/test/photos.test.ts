import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fullRun, titleIf } from '@vqkit/testing';
import { expect, it } from 'vitest';
import { photosSpeed } from '../experiments/photos-speed.ts';
import { runToEnd } from '../src/child.ts';
import type { ExperimentContext, Raw } from '../src/experiment.ts';
import { PACKAGE_FOLDER } from '../src/paths.ts';
import { drawPictures } from '../src/photos/pictures.ts';
import { type PhotosTask, trainedSchema } from '../src/photos/settings.ts';
import { checkedOutcome } from '../src/result.ts';

/** A run as if its parts had been done: PyTorch takes `ratio` times as long, and its test L1 is the same. */
function context(python: string | undefined, ratio: number, parts: string[]): ExperimentContext {
  return {
    quick: true,
    seeds: [1, 2, 3],
    cores: 2,
    python,
    dataDir: undefined,
    part: async <T>(name: string, settings: Record<string, unknown>, _: (raw: Raw) => Promise<T>): Promise<T> => {
      parts.push(name);
      if (name === 'convolutions') {
        const row = { forwardMs: 1, inputMs: 2, filterMs: 3 };
        return { flopsPerSecond: 45e9, rows: (settings.shapes as unknown[]).map(() => row) } as T;
      }
      if (name.startsWith('quality')) {
        const own = { losses: [0.5], l1: 0.2 + Number(name.at(-1)) / 100 };
        return { ours: own, theirs: python === undefined ? null : { ...own, l1: own.l1 + 1e-4 * own.l1 } } as T;
      }
      if (settings.engine === 'native') return { absent: 'tfjs-node is not installed' } as T;
      return { timesMs: settings.engine === 'torch' ? [100 * ratio, 110 * ratio] : [100, 110], peakMiB: 500 } as T;
    },
    log: () => undefined,
    progress: () => undefined,
  };
}

it('compares with PyTorch by medians and by pairs of seeds, and shows who is absent', async () => {
  for (const [python, ratio, speed, quality] of [
    ['python', 1.1, 'reproduced', 'reproduced'],
    ['python', 0.9, 'not reproduced', 'reproduced'],
    [undefined, 1, 'beyond reach here', 'beyond reach here'],
  ] as const) {
    const parts: string[] = [];
    const given = context(python, ratio, parts);
    const outcome = checkedOutcome('photos-speed', await photosSpeed.run(given));
    expect(parts).toHaveLength((await photosSpeed.parts?.(given)) ?? Number.NaN);
    expect(outcome.verdicts.map(({ verdict }) => verdict)).toEqual([speed, speed, quality]);
    expect(JSON.stringify(outcome.tables)).toContain('absent, tfjs-node is not installed');
    expect(JSON.stringify(outcome)).not.toMatch(/undefined|NaN/);
  }
});

it('draws the same pictures for a seed, in [-1, 1]', () => {
  const pictures = drawPictures(2, 16, 3);
  expect(pictures).toHaveLength(2 * 16 * 16 * 3);
  expect(drawPictures(2, 16, 3)).toEqual(pictures);
  expect(drawPictures(2, 16, 4)).not.toEqual(pictures);
  expect(Math.max(...pictures.map(Math.abs))).toBeLessThanOrEqual(1);
});

// photos-torch.json is what peers/photos.py prints for its task, from the files that the worker wrote for it.
it.skipIf(!fullRun)(titleIf(fullRun, 'trains with the losses of PyTorch'), async () => {
  const { task, losses } = JSON.parse(await readFile(new URL('photos-torch.json', import.meta.url), 'utf8')) as {
    task: PhotosTask;
    losses: number[];
  };
  const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
  try {
    const files = { weights: join(folder, 'w'), batches: join(folder, 'b'), test: join(folder, 't') };
    const worker = `${PACKAGE_FOLDER}dist/src/photos/worker.js`;
    const output = await runToEnd(process.execPath, [worker, JSON.stringify({ ...task, ...files })]);
    const ours = trainedSchema.parse(JSON.parse(output)).losses;
    expect(ours).toHaveLength(losses.length);
    for (const [i, loss] of losses.entries()) expect(Math.abs((ours[i] as number) - loss)).toBeLessThan(1e-4);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
