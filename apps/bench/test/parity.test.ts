import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fullRun, titleIf } from '@vqkit/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parity } from '../experiments/parity.ts';
import type { ExperimentContext, Outcome } from '../src/experiment.ts';
import { compareIds, writeExpected } from '../src/parity/processes.ts';
import { fsqReference, lfqReference, nearestReference } from '../src/parity/references.ts';
import { ENGINES, type EngineMissing, type ParityFound, QUANTIZERS } from '../src/parity/task.ts';
import { checkedOutcome } from '../src/result.ts';

describe('the references', () => {
  it('know the ids of the papers and by how many ulp they were decided', () => {
    const fsq = fsqReference([8, 5, 5, 5]);
    expect([...fsq.ids(Float32Array.of(-9, -9, -9, -9, 9, 9, 9, 9, -9, 9, -9, -9))]).toEqual([0, 999, 32]);
    const lfq = lfqReference(3);
    expect([...lfq.ids(Float32Array.of(1, -1, 1, 0, 0, 1e-45))]).toEqual([5, 1]);
    // The nearest to 0 is a power of two, which is 2^23 of its own ulp away from it.
    expect(lfq.ulps(Float32Array.of(1.5, -(2 ** -20), 5), 0, 7)).toBe(2 ** 23);
    const nearest = nearestReference(Float32Array.of(0, 0, 2, 0, 2, 0), 2);
    expect([...nearest.ids(Float32Array.of(1, 5, 1.5, 0))]).toEqual([0, 1]);
    // The squares of the distances differ by 4, and an ulp of |x|² = 4 is 2^-21.
    expect(nearest.ulps(Float32Array.of(2, 0), 0, 0)).toBe(4 * 2 ** 21);
  });
});

describe.skipIf(!fullRun)(titleIf(fullRun, 'a process of an engine'), () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('finds the ids of float64 on cpu and wasm, across the chunks and the processes of the reference', async () => {
    const tokens = 70_000;
    for (const quantizer of ['fsq', 'exact-ties'] as const) {
      const files = await writeExpected(quantizer, tokens, folder);
      for (const engine of ['cpu', 'wasm'] as const) {
        const found = await compareIds({ engine, quantizer, tokens }, files);
        expect(found).toMatchObject({ title: expect.stringContaining(`tfjs-${engine}`), tokens, differences: 0 });
      }
    }
  });

  it('says that the codes are others, and why an engine is missing', async () => {
    const files = await writeExpected('vq', 100, folder);
    await expect(compareIds({ engine: 'cpu', quantizer: 'simvq', tokens: 100 }, files)).rejects.toThrow(
      'cpu has other codes than the reference of simvq',
    );
    process.env.VK_ICD_FILENAMES = 'none.json';
    process.env.VK_DRIVER_FILES = 'none.json';
    const found = await compareIds({ engine: 'webgpu', quantizer: 'vq', tokens: 100 }, files);
    expect((found as EngineMissing).missing).toContain('init: WebGPU must find a graphics driver');
  });
});

describe('the report', () => {
  const found: ParityFound = { title: 'an engine', tokens: 1000, differences: 0, listed: [], seconds: 1 };

  async function reportOf(value: (part: string) => ParityFound | EngineMissing): Promise<Outcome> {
    const context: ExperimentContext = {
      quick: true,
      seeds: [1],
      cores: 2,
      python: undefined,
      dataDir: undefined,
      part: async <T>(name: string): Promise<T> => value(name) as T,
      log: () => undefined,
      progress: () => undefined,
    };
    return checkedOutcome('parity', await parity.run(context));
  }

  it('has a row for each quantizer and engine, and names those that did not run', async () => {
    const { tables, verdicts, answer } = await reportOf((part) =>
      part.endsWith('webgpu') ? { missing: 'no driver' } : found,
    );
    expect(tables[0]?.rows).toHaveLength(ENGINES.length * QUANTIZERS.length);
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['reproduced', 'reproduced', 'reproduced']);
    expect(answer).toContain('webgpu did not run');
    expect(JSON.stringify(tables)).toContain('no driver');
  });

  it('counts what differs between engines and from float64, and how near it was', async () => {
    const { verdicts } = await reportOf((part) => {
      if (part === 'fsq on wasm') return { ...found, differences: 1, listed: [[3, 7, 0.2]] };
      return part === 'vq on native' ? { ...found, differences: 1, listed: [[5, 1, 9]] } : found;
    });
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['not reproduced', 'not reproduced', 'reproduced']);
    expect(verdicts.map(({ measured }) => measured)).toEqual(['1', '9', '0']);
  });
});
