import { memory } from '@tensorflow/tfjs-core';
import type { Quantizer } from '@vqkit/core-tensor';
import { createLfq } from '@vqkit/lfq';
import { createSimVq } from '@vqkit/simvq';
import { beforeAll, expect, it } from 'vitest';
import { gaussianStream } from '../src/data/source.ts';
import { createQuantizerOf } from '../src/training/cells.ts';
import { evaluateCodebook, withTrainedCodebook } from '../src/training/codebook.ts';
import { startTrainingEngine, type TrainingSetup, trainTokens } from '../src/training/train-tokens.ts';

const source = gaussianStream({ dim: 8, factors: 4 });
const setup: TrainingSetup = {
  source,
  quantizer: (seed) => createSimVq({ dim: 6, codebookSize: 32, seed }) as unknown as Quantizer,
  steps: 60,
  batch: 128,
  seed: 1,
  points: 4,
};

beforeAll(startTrainingEngine);

it('lowers the loss, traces it, and gives the same numbers again', async () => {
  const run = await trainTokens(setup);
  expect(run.divergedAt).toBeNull();
  expect(run.trace.map(({ step }) => step)).toEqual([0, 15, 30, 45, 59]);
  const [first, last] = [run.trace[0], run.trace.at(-1)];
  expect(last?.reconstruction).toBeLessThan(first?.reconstruction ?? 0);
  expect(first?.gradients.encoder).toBeGreaterThan(0);
  expect(run.test?.tokens).toBe(8192);
  expect(run.test?.bitsPerToken).toBe(5);
  expect(run.test?.latents.relativeError).toBeGreaterThan(0);
  expect(await trainTokens(setup)).toEqual(run);
});

it('leaves no tensors behind', async () => {
  const before = memory().numTensors;
  await trainTokens({ ...setup, steps: 3, lossGradient: true, latentNorm: true, latentScale: 0.1 });
  expect(memory().numTensors).toBe(before);
  const quantizer = (): Quantizer => createQuantizerOf({ method: 'vq', options: { dim: 8, codebookSize: 16 } }, 1);
  await withTrainedCodebook({ source, quantizer, steps: 3, batch: 64, seed: 1 }, (own) =>
    evaluateCodebook(own, source),
  );
  expect(memory().numTensors).toBe(before);
});

it('stops at the first step whose loss is not finite and says which', async () => {
  const run = await trainTokens({ ...setup, learningRate: 1e30 });
  expect(run.divergedAt).toBeGreaterThan(0);
  expect(run.test).toBeNull();
});

it('follows the pull of the entropy loss', async () => {
  const quantizer = (seed: number): Quantizer => createLfq({ codebookSize: 64, seed }) as unknown as Quantizer;
  const { trace } = await trainTokens({ ...setup, quantizer, lossGradient: true, steps: 4 });
  expect(trace.every(({ lossGradient }) => (lossGradient ?? 0) > 0)).toBe(true);
  expect(trace[0]?.losses.codebookEntropy).toBeGreaterThan(0);
});

it('trains a codebook by itself', async () => {
  const error = (steps: number): Promise<number> =>
    withTrainedCodebook(
      {
        source,
        quantizer: (seed) => createQuantizerOf({ method: 'simvq', options: { dim: 8, codebookSize: 64 } }, seed),
        steps,
        batch: 128,
        seed: 1,
        learningRate: 1e-2,
      },
      async (own) => (await evaluateCodebook(own, source)).relativeError,
    );
  expect(await error(100)).toBeLessThan(0.8 * (await error(0)));
});
