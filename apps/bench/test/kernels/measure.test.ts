import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fullRun, titleIf } from '@vqkit/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startContender } from '../../src/kernels/contender.ts';
import { measureCurve } from '../../src/kernels/growth.ts';
import { withInputs } from '../../src/kernels/inputs.ts';
import { measure } from '../../src/kernels/measure.ts';
import type { Work } from '../../src/kernels/work.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const brief = {
  threads: 1,
  python: undefined,
  rounds: 2,
  budgetMs: 1,
  leastRepetitions: 4,
  warmUpMs: 10,
  patienceMs: 0,
};

/** The contenders are processes of the built package. */
describe.skipIf(!fullRun)(titleIf(fullRun, 'measure'), () => {
  const works: readonly Work[] = [
    { quantizer: 'fsq', op: 'encode', n: 500, dim: 4, levels: [8, 5, 5, 5] },
    { quantizer: 'lfq', op: 'encode', n: 500, dim: 10 },
    { quantizer: 'simvq', op: 'encode', n: 500, dim: 16, codes: 64, frozenDim: 16 },
    { quantizer: 'simvq', op: 'encode', n: 500, dim: 16, codes: 64, frozenDim: 4 },
  ];
  for (const work of works) {
    it(`has every contender find the same ids: ${JSON.stringify(work)}`, async () => {
      const contenders = ['vqkit', 'codec', 'chain', 'composed', 'onnx', 'jax'] as const;
      const found = await measure(await withInputs(work, folder), { ...brief, contenders, folder });
      expect(found.map(({ contender }) => contender)).toEqual(contenders);
      for (const { timesMs, peakMiB, idsThatDiffer, note } of found) {
        expect(timesMs.length, note).toBeGreaterThanOrEqual(4);
        expect(Math.min(...timesMs)).toBeGreaterThan(0);
        expect(peakMiB).toBeGreaterThan(10);
        expect(idsThatDiffer).toBe(0);
      }
    });
  }

  it('trains with vqkit and its composition, and says why the others do not', async () => {
    const work: Work = { quantizer: 'lfq', op: 'train', n: 100, dim: 6 };
    const contenders = ['vqkit', 'composed', 'onnx', 'torch'] as const;
    const found = await measure(await withInputs(work, folder), { ...brief, contenders, folder });
    expect(found.map(({ timesMs }) => timesMs.length > 0)).toEqual([true, true, false, false]);
    expect(found[0]?.note).toContain('SignQuantize fused');
    expect(found[1]?.note).toContain('SignQuantize composed');
    expect(found[2]?.note).toBe('it is written for encoding only');
    expect(found[3]?.note).toBe('no Python with the reference library');
  });

  it('finds the same ids on native TensorFlow and WebGPU, claims no time of a processor that plays one, or says why not', async () => {
    const work: Work = { quantizer: 'simvq', op: 'encode', n: 500, dim: 16, codes: 64, frozenDim: 16 };
    const contenders = ['vqkit', 'native', 'webgpu'] as const;
    const [, ...found] = await measure(await withInputs(work, folder), { ...brief, contenders, folder });
    for (const { timesMs, untimed, idsThatDiffer, note } of found) {
      if (timesMs.length === 0 && untimed === undefined) expect(note).toMatch(/\. \w/);
      else expect(idsThatDiffer).toBe(0);
      if (untimed !== undefined) expect([timesMs, untimed]).toEqual([[], 'not claimed: software GPU']);
    }
  });

  it('says that a contender has died', async () => {
    // Whatever is started there is no Python with the library.
    const contender = startContender('torch', { python: process.execPath, threads: 1 });
    await expect(contender.ask({ do: 'memory' })).rejects.toThrow(/its process ended with exit code 1: .*Error/);
  });
});

it('measures a curve of growing sizes', async () => {
  const work = (n: number): Work => ({ quantizer: 'lfq', op: 'encode', n, dim: 10 });
  const { points, peakMiB } = await measureCurve(
    { sizes: [64, 256, 1024], work },
    { folder, longestMs: 1000, warmUpMs: 10 },
  );
  expect(points.map(({ size }) => size)).toEqual([64, 256, 1024]);
  for (const { vqkit, composed } of points) {
    expect(vqkit).toBeGreaterThan(0);
    expect(composed).toBeGreaterThan(0);
  }
  expect(peakMiB).toBeGreaterThan(10);
});
