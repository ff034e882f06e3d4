import { type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';
import { createImages } from '@vqkit/data';
import { createAdamW } from '@vqkit/nn';
import { eachEngine, expectClose, fullRun, spreadIt, startEngine, titleIf, tolerances } from '@vqkit/testing';
import { blobs } from '@vqkit/testing/pictures';
import { trainStep } from '@vqkit/training';
import { describe, expect, it } from 'vitest';
import { createConfig } from '../src/config.ts';
import { createModel } from '../src/model.ts';
import type { ImageOptions } from '../src/train-options.ts';

const STEPS = 50;
const IMAGES = 8;

interface Run {
  readonly losses: number[];
  readonly gradientNorms: number[];
  readonly weights: Record<string, Float32Array>;
}

/** Trains a small autoencoder on the active engine. The generators make the weights in plain JavaScript, equal on every engine. */
async function run(options: ImageOptions): Promise<Run> {
  const config = createConfig({ widths: [4, 8], learningRate: 1e-3, ...options });
  const model = createModel(config, { channels: 1 });
  const optimizer = createAdamW({ variables: model.variables() });
  const images: Tensor4D = tensor4d(
    createImages(blobs(IMAGES, 1), [IMAGES, 8, 8, 1]).batch([...Array(IMAGES).keys()]),
    [IMAGES, 8, 8, 1],
  );
  const [losses, gradientNorms]: [number[], number[]] = [[], []];
  for (let step = 0; step < STEPS; step++) {
    const { loss, gradientNorm } = await trainStep({ model, optimizer }, images, config, step);
    losses.push(loss);
    gradientNorms.push(gradientNorm);
  }
  const weights: Run['weights'] = {};
  for (const [name, value] of Object.entries(model.variables())) weights[name] = (await value.data()) as Float32Array;
  images.dispose();
  optimizer.dispose();
  model.dispose();
  return { losses, gradientNorms, weights };
}

const references = new Map<string, Run>();
const left = (name: string): void => it.skipIf(true)(titleIf(false, name), () => undefined);

eachEngine((engine) => {
  const spread = spreadIt(engine);
  // Plain JavaScript against itself is left to the full run.
  const test: typeof spread = engine === 'cpu' && !fullRun ? left : spread;
  describe('50 steps of training', () => {
    for (const quantizer of ['lfq', 'fsq', 'simvq'] as const) {
      test(`of ${quantizer} follow those of plain JavaScript`, async () => {
        let expected = references.get(quantizer);
        if (expected === undefined) {
          await startEngine('cpu');
          expected = await run({ quantizer });
          references.set(quantizer, expected);
        }
        await startEngine(engine);
        const got = await run({ quantizer });
        await expectClose(got.losses, expected.losses, tolerances.float32);
        await expectClose(got.gradientNorms, expected.gradientNorms, tolerances.fiftySteps);
        for (const [name, values] of Object.entries(got.weights)) {
          await expectClose(values, expected.weights[name] as Float32Array, tolerances.fiftySteps);
        }
        expect(got.losses.at(-1)).toBeLessThan(0.6 * (got.losses[0] as number));
      });
    }
  });
});
