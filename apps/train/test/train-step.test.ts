import { fill, memory, type Tensor, type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';
import { createImages } from '@vqkit/data';
import { createAdamW } from '@vqkit/nn';
import { startEngine } from '@vqkit/testing';
import { blobs } from '@vqkit/testing/pictures';
import { DivergenceError, trainStep } from '@vqkit/training';
import { beforeAll, describe, expect, it } from 'vitest';
import { createConfig } from '../src/config.ts';
import { createModel } from '../src/model.ts';
import type { ImageConfig, ImageOptions } from '../src/train-options.ts';
import type { RunState } from '../src/training-state.ts';

const batch = (): Tensor4D => tensor4d(createImages(blobs(6, 1), [6, 8, 8, 1]).batch([0, 1, 2, 3, 4, 5]), [6, 8, 8, 1]);

function fresh(options: ImageOptions = {}): { config: ImageConfig; state: RunState } {
  const config = createConfig({ quantizer: 'fsq', widths: [4, 8], ...options });
  const model = createModel(config, { channels: 1 });
  return { config, state: { model, optimizer: createAdamW({ variables: model.variables() }) } };
}

async function weights({ model }: RunState): Promise<Record<string, number[]>> {
  const entries = Object.entries(model.variables()).map(
    async ([name, v]): Promise<[string, number[]]> => [name, [...(await v.data())]],
  );
  return Object.fromEntries(await Promise.all(entries));
}

async function failure(step: Promise<unknown>): Promise<DivergenceError> {
  const error = await step.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DivergenceError);
  return error as DivergenceError;
}

beforeAll(() => startEngine('wasm'));

describe('trainStep', () => {
  it('returns the numbers of the step and changes every weight', async () => {
    for (const quantizer of ['lfq', 'fsq', 'simvq'] as const) {
      const { config, state } = fresh({ quantizer, warmupSteps: 4 });
      const before = await weights(state);
      const result = await trainStep(state, batch(), config, 1);
      expect(result.loss).toBeCloseTo(result.reconstruction + result.quantizer, 6);
      expect(result.learningRate).toBe(config.learningRate / 2);
      expect(result.gradientNorm).toBeGreaterThan(0);
      expect(Object.keys(result.losses)).toEqual(
        {
          lfq: ['perSampleEntropy', 'codebookEntropy', 'commitment', 'unitNorm'],
          fsq: [],
          simvq: ['commitment', 'codebook'],
        }[quantizer],
      );
      for (const [name, values] of Object.entries(await weights(state))) {
        expect(values, `${quantizer} ${name}`).not.toEqual(before[name]);
      }
    }
  });

  it('clips the gradient, which AdamW then sees through its moments', async () => {
    const plain = fresh();
    const clipped = fresh({ clipGradNorm: 1e-3 });
    const { gradientNorm } = await trainStep(plain.state, batch(), plain.config, 0);
    const again = await trainStep(clipped.state, batch(), clipped.config, 0);
    expect(again.gradientNorm, 'reported before clipping').toBeCloseTo(gradientNorm, 6);
    const name = 'm.decoder.conv2.bias';
    const moments = await Promise.all(
      [plain, clipped].map(({ state }) => (state.optimizer.state()[name] as Tensor).data()),
    );
    const [whole, scaled] = moments.map((moment) => moment[0] as number) as [number, number];
    expect(scaled / whole).toBeCloseTo(1e-3 / (gradientNorm + 1e-6), 6);
  });

  it('names a weight that is not finite, before it changes anything', async () => {
    const { config, state } = fresh();
    const bias = state.model.variables()['to_code.bias'];
    bias?.assign(fill([3], Number.NaN));
    const before = await weights(state);
    const images = batch();
    const held = memory().numTensors;
    const error = await failure(trainStep(state, images, config, 7));
    expect(error).toMatchObject({ tensor: 'weight to_code.bias', step: 7 });
    expect(error.message).toBe(
      'train: weight to_code.bias must be finite, got NaN in step 8. Lower learningRate, add warmupSteps or set clipGradNorm.',
    );
    expect(await weights(state)).toEqual(before);
    expect(Object.values(state.optimizer.steps()).every((t) => t === 0)).toBe(true);
    expect(memory().numTensors).toBe(held);
  });

  it('names a loss, or the norm of the gradient, where the weights are finite', async () => {
    const { config, state } = fresh({ loss: 'l1' });
    const loss = await failure(trainStep(state, fill([2, 8, 8, 1], Number.POSITIVE_INFINITY), config, 0));
    expect(loss.tensor).toBe('reconstruction loss');
    // Gradients of 1e30 are float32 numbers, and so is the loss, but not the sum of their squares.
    state.model.variables()['decoder.conv2.weight']?.assign(fill([3, 3, 4, 1], 1e30));
    const norm = await failure(trainStep(state, batch(), config, 0));
    expect(norm.tensor).toBe('norm of the gradient');
  });
});
