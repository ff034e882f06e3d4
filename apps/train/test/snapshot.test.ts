import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OptionError } from '@vqkit/core-tensor';
import { createTracker, type Diagnosis } from '@vqkit/metrics';
import { temporaryFolder, tinyIdxFolder } from '@vqkit/testing/pictures';
import type { CodesEvent, ExamplesEvent } from '@vqkit/training';
import { describe, expect, it } from 'vitest';
import { createSnapshotKeeper, readSnapshot } from '../src/snapshot.ts';
import { train } from '../src/train.ts';
import { tinyConfig } from './fixtures.ts';

const tracker = createTracker({ codebookSize: 8 }).report();
const codesAt = (step: number, codes: readonly number[]): CodesEvent => ({
  kind: 'codes',
  step,
  tracker,
  latents: { angles: null, limits: [new Array<number>(20).fill(step)] },
  histograms: [{ codebookSize: 8, codes, counts: codes.map((code) => 10 + code) }],
});
const examplesAt = (step: number, side: number): ExamplesEvent => {
  const numbers = new Array<number>(2 * side).fill(0.5);
  const pairs = { count: 2, shape: [side], originals: numbers, reconstructions: numbers };
  return { kind: 'examples', of: 'validation', step, pairs, ids: [1, 2, 3, 4] };
};
const collapse: Diagnosis = { problem: 'collapse', severity: 'critical', evidence: 'e', remedy: 'r' };

describe('the snapshot of a run', () => {
  it('says when each code was last used, and from when on what was found', async () => {
    const folder = await temporaryFolder();
    const keeper = await createSnapshotKeeper(folder, undefined);
    await keeper.keep(codesAt(0, [1, 5]), [], examplesAt(0, 3));
    await keeper.keep(codesAt(10, [5]), [collapse], examplesAt(10, 3));
    await keeper.keep(codesAt(20, [5, 7]), [{ ...collapse, evidence: 'another' }], examplesAt(20, 3));
    await keeper.keep(codesAt(30, [7]), [], examplesAt(30, 3));
    expect(await readSnapshot(folder)).toMatchObject({
      step: 30,
      codebooks: [{ codebookSize: 8, codes: [1, 5, 7], counts: [0, 0, 17], lastUsed: [0, 20, 30] }],
      diagnoses: [
        { step: 10, found: [collapse] },
        { step: 30, found: [] },
      ],
      examples: { count: 2, ids: [1, 2, 3, 4] },
    });
    expect((await readSnapshot(folder)).latents).toEqual({ angles: null, limits: [new Array(20).fill(30)] });
    const resumed = await createSnapshotKeeper(folder, 30);
    await resumed.keep(codesAt(40, [1]), [], examplesAt(40, 2 ** 18));
    expect(await readSnapshot(folder)).toMatchObject({
      codebooks: [{ codes: [1, 5, 7], counts: [11, 0, 0], lastUsed: [40, 20, 30] }],
      examples: { count: 1, ids: [1, 2] },
    });
    const earlier = await createSnapshotKeeper(folder, 20);
    await earlier.keep(codesAt(30, [2]), [], examplesAt(30, 3));
    expect(await readSnapshot(folder)).toMatchObject({ codebooks: [{ codes: [2] }], diagnoses: [] });
  });

  it('is written by a training, with the ids of its examples', async () => {
    const folder = join(await temporaryFolder(), 'run');
    await train(tinyConfig(await tinyIdxFolder(), folder, { steps: 2 }));
    const { step, codebooks, latents, examples } = await readSnapshot(folder);
    expect(step).toBe(2);
    expect(latents?.limits).toHaveLength(2);
    // What earlier versions wrote has none.
    const file = join(folder, 'snapshot.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace(/"latents":\{.*?\},/, ''));
    expect((await readSnapshot(folder)).latents).toBeUndefined();
    expect(codebooks[0]?.counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
    expect(examples.count).toBeGreaterThan(0);
    expect(examples.ids.length % examples.count).toBe(0);
    for (const id of examples.ids) expect(codebooks[0]?.codes).toContain(id);
  });

  it('is refused where it is damaged, by the place of the damage', async () => {
    const folder = await temporaryFolder();
    await expect(readSnapshot(folder)).rejects.toThrow(OptionError);
    await (await createSnapshotKeeper(folder, undefined)).keep(codesAt(0, [1]), [], examplesAt(0, 3));
    const file = join(folder, 'snapshot.json');
    const text = await readFile(file, 'utf8');
    for (const [whole, other] of [
      ['"step":0', '"step":-1'],
      ['"codes":[1]', '"codes":[8]'],
      ['"counts":[11]', '"counts":[]'],
      ['"count":2', '"count":1e15'],
      ['"formatVersion":1', '"formatVersion":2'],
      ['"shape":[3]', '"shape":[0]'],
      ['"limits":[[0,', '"limits":[[-1,'],
      ['"limits":[[0,', '"limits":[[0,0,'],
      [/"codebooks":\[.*?\}\]/.exec(text)?.[0] ?? '', '"codebooks":[]'],
    ] as const) {
      await writeFile(file, text.replace(whole, other));
      await expect(readSnapshot(folder)).rejects.toThrow(/snapshot\.json/);
    }
  });
});
