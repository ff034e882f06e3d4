import { createRng } from '@vqkit/core-tensor';
import { createImages } from '@vqkit/data';
import { createAdamW } from '@vqkit/nn';
import { startEngine } from '@vqkit/testing';
import { blobs } from '@vqkit/testing/pictures';
import { createImageTokenizer } from '@vqkit/tokenizer';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  evaluate,
  imageModality,
  type LoopEnd,
  type LoopOptions,
  type LoopSession,
  type TrainingEvent,
  trainLoop,
} from '../src/index.ts';

beforeAll(() => startEngine('cpu'));

const OPTIONS: LoopOptions = {
  steps: 5,
  batchSize: 4,
  seed: 1,
  learningRate: 1e-3,
  warmupSteps: 0,
  clipGradNorm: 0,
  loss: 'mse',
  clampOutput: false,
  logEvery: 2,
  validateEvery: 5,
  checkpointEvery: 3,
};

const images = (count: number, seed: number): ReturnType<typeof createImages> =>
  createImages(blobs(count, seed), [count, 8, 8, 1]);

/** A training of pictures, its events, and its weights at every checkpoint. */
async function run(options: Partial<LoopOptions> = {}, more: Partial<LoopSession> = {}) {
  const model = createImageTokenizer({ quantizer: 'fsq', quantizerOptions: { levels: [5, 4] }, widths: [4], seed: 1 });
  const optimizer = createAdamW({ variables: model.variables() });
  const session = {
    options: { ...OPTIONS, ...options },
    state: { model, optimizer },
    modality: imageModality,
    train: images(10, 1),
    validation: images(3, 2),
    ...more,
  };
  const events: TrainingEvent[] = [];
  const weights: Float32Array[] = [];
  const loop = trainLoop(session);
  let end: LoopEnd | undefined;
  while (end === undefined) {
    const next = await loop.next();
    if (next.done === true) end = next.value;
    else {
      events.push(next.value);
      if (next.value.kind === 'checkpoint') {
        const variables = Object.values(model.variables());
        weights.push(Float32Array.from((await Promise.all(variables.map((v) => v.data()))).flatMap((v) => [...v])));
      }
    }
  }
  optimizer.dispose();
  model.dispose();
  return { events, weights, end };
}

const kinds = (events: readonly TrainingEvent[]): string[] => events.map(({ kind, step }) => `${kind} ${step}`);

/** What every validation gives. */
const validated = (step: number): string[] => ['validation', 'codes', 'examples'].map((kind) => `${kind} ${step}`);

describe('trainLoop', () => {
  it('begins with a validation and a checkpoint, and ends with both', async () => {
    const { events, end } = await run();
    expect(kinds(events)).toEqual([
      ...validated(0),
      'checkpoint 0',
      'step 1',
      'train 1',
      'step 2',
      'train 2',
      'step 3',
      'checkpoint 3',
      'step 4',
      'train 4',
      'step 5',
      'train 5',
      ...validated(5),
      'checkpoint 5',
    ]);
    expect(end).toMatchObject({ status: 'finished', step: 5, stepsPerSecond: expect.any(Number) });
    expect(events.find(({ kind }) => kind === 'train')).toMatchObject({ epoch: 1 / 3 });
  });

  it('tells how far latents reach of their limits, or which angles they have to their codes', async () => {
    const { events } = await run();
    const [told] = events.filter((event) => event.kind === 'codes');
    expect(told?.latents).toEqual({ angles: null, limits: [expect.any(Array), expect.any(Array)] });
    // 3 pictures of 4 × 4 tokens.
    for (const counts of told?.latents.limits ?? []) {
      expect(counts).toHaveLength(20);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(48);
    }
    const model = createImageTokenizer({ quantizer: 'simvq', widths: [4], seed: 1 });
    const { latents, codes, tracker } = await evaluate(model, images(3, 2), { batchSize: 2, step: 0 });
    const { angles, limits } = latents;
    expect(limits).toBeNull();
    expect(angles?.reduce((sum, count) => sum + count, 0)).toBe(48);
    expect(angles?.slice(9).reduce((sum, count) => sum + count, 0)).toBeCloseTo(
      48 * (codes.statistics.obtuseShare ?? Number.NaN),
      9,
    );
    expect(tracker.latents?.pairs?.angles).toEqual(angles);
    model.dispose();
  });

  it('waits at a checkpoint, whose weights then are those of its step', async () => {
    const [once, again] = [await run(), await run({ checkpointEvery: 1 })];
    expect(once.weights[1]).toEqual(again.weights[3]);
    expect(once.weights[1]).not.toEqual(once.weights[2]);
  });

  it('goes on where it was', async () => {
    const { events, end } = await run({}, { reached: 3, elapsedSeconds: 60 });
    expect(kinds(events)).toEqual(['step 4', 'train 4', 'step 5', 'train 5', ...validated(5), 'checkpoint 5']);
    expect(end.elapsedSeconds).toBeGreaterThan(60);
    expect((await run({}, { reached: 5 })).end).toMatchObject({ step: 5, stepsPerSecond: null });
  });

  it('stops after a step, with a checkpoint of it', async () => {
    const { events, end } = await run({}, { signal: AbortSignal.abort() });
    expect(kinds(events).slice(-2)).toEqual(['train 1', 'checkpoint 1']);
    expect(end).toMatchObject({ status: 'interrupted', step: 1 });
  });

  it('names what is not finite', async () => {
    const rng = createRng(1);
    const train = {
      count: 4,
      shape: [8, 8, 1],
      batch: () => Float32Array.from({ length: 256 }, () => rng.normal() / 0),
    };
    await expect(run({}, { train })).rejects.toThrow(/^train: .* must be finite, got .* in step 1\./);
  });
});
