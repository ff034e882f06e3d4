import { memory, scalar, type Tensor, tensor1d } from '@tensorflow/tfjs-core';
import { startEngine } from '@vqkit/testing';
import { beforeAll, expect, it } from 'vitest';
import { takeAllSteps, takeSteps } from '../src/index.ts';

beforeAll(() => startEngine('cpu'));

/** A stream without end: 1, 2, 3, …, and what was drawn. */
function stream(): { drawn: number[]; batch: () => Tensor } {
  const drawn: number[] = [];
  return {
    drawn,
    batch: () => {
      drawn.push(drawn.length + 1);
      return tensor1d([drawn.length]);
    },
  };
}

it('takes a step on each batch of a stream, and frees it', async () => {
  const before = memory().numTensors;
  const { drawn, batch } = stream();
  const seen: number[][] = [];
  const take = async (x: Tensor, step: number): Promise<number> => ((await x.data())[0] as number) + 100 * step;
  for await (const { step, result, ms } of takeSteps({ steps: 3, batch, take })) {
    expect(ms).toBeGreaterThanOrEqual(0);
    // The next is drawn when it is asked for.
    seen.push([step, result, drawn.length]);
  }
  expect(seen).toEqual([
    [1, 1, 1],
    [2, 102, 2],
    [3, 203, 3],
  ]);
  expect(memory().numTensors).toBe(before);
});

it('goes on from the steps before, and takes batches of any form', async () => {
  const before = memory().numTensors;
  const steps: number[] = [];
  await takeAllSteps({
    steps: 4,
    reached: 2,
    batch: (step) => ({ x: scalar(step), others: [scalar(1), scalar(2)] }),
    take: ({ x, others }, step) => steps.push(step, x.size, others.length),
  });
  expect(steps).toEqual([2, 1, 2, 3, 1, 2]);
  expect(memory().numTensors).toBe(before);
});

it('ends after the step in which it is told to, or when the consumer leaves', async () => {
  const { drawn, batch } = stream();
  const controller = new AbortController();
  const take = (_: Tensor, step: number): void => {
    if (step === 1) controller.abort();
  };
  await takeAllSteps({ steps: Number.POSITIVE_INFINITY, signal: controller.signal, batch, take });
  expect(drawn).toEqual([1, 2]);
  for await (const { step } of takeSteps({ steps: Number.POSITIVE_INFINITY, batch, take: () => undefined })) {
    if (step === 3) break;
  }
  expect(drawn).toHaveLength(5);
});

it('frees the batch of a step that fails', async () => {
  const before = memory().numTensors;
  const take = (): never => {
    throw new Error('diverged');
  };
  await expect(takeAllSteps({ steps: 3, batch: stream().batch, take })).rejects.toThrow('diverged');
  expect(memory().numTensors).toBe(before);
});
