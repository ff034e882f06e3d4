import { type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';
import { kernelReport } from '@vqkit/core-tensor';
import { createImages } from '@vqkit/data';
import { createAdamW } from '@vqkit/nn';
import { expectNoFallback, startEngine } from '@vqkit/testing';
import { blobs } from '@vqkit/testing/pictures';
import { trainStep } from '@vqkit/training';
import { beforeAll, describe, expect, it } from 'vitest';
import { createConfig } from '../src/config.ts';
import { createModel } from '../src/model.ts';
import { presets } from '../src/presets.ts';

const batch = (): Tensor4D => tensor4d(createImages(blobs(6, 1), [6, 8, 8, 1]).batch([0, 1, 2, 3, 4, 5]), [6, 8, 8, 1]);

/** Kernels of vqkit that wasm leaves to tfjs's: GatherCodes is one of these, UnitLength a few over one number a vector. */
const PLAIN = ['GatherCodes', 'UnitLength'];

beforeAll(() => startEngine('wasm'));

describe('training on wasm needs no other engine', () => {
  for (const preset of Object.keys(presets) as (keyof typeof presets)[]) {
    for (const quantizer of ['lfq', 'fsq', 'simvq'] as const) {
      it(`${preset}, ${quantizer}: forward, backward, update, encode and decode`, async () => {
        const config = createConfig({ preset, quantizer });
        const model = createModel(config, { channels: 1 });
        const state = { model, optimizer: createAdamW({ variables: model.variables() }) };
        const images = batch();
        const ran = await expectNoFallback(async () => {
          await trainStep(state, images, config, 0);
          const indices = model.encode(images);
          return [indices, model.decode(indices)];
        });
        const composed = kernelReport().filter(({ name, runs }) => runs === 'composed' && ran.includes(name));
        expect(composed.map(({ name }) => name).filter((name) => !PLAIN.includes(name))).toEqual([]);
        model.dispose();
      });
    }
  }
});
