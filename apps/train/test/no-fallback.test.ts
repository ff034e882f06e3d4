import { type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';
import { kernelReport } from '@vqkit/core-tensor';
import { createImages } from '@vqkit/data';
import { createAdamW } from '@vqkit/nn';
import { expectNoFallback, startEngine } from '@vqkit/testing';
import { blobs } from '@vqkit/testing/pictures';
import { trainStep } from '@vqkit/training';
import { beforeAll, describe, expect, it } from 'vitest';
import { createConfig } from '../src/config.ts';
import { images as modality } from '../src/modalities/images.ts';
import { createModel } from '../src/model.ts';

const batch = (): Tensor4D => tensor4d(createImages(blobs(6, 1), [6, 8, 8, 1]).batch([0, 1, 2, 3, 4, 5]), [6, 8, 8, 1]);

/**
 * Kernels of vqkit that wasm composes of its own and tfjs's: GatherCodes, AddPerChannel and MultiplyPerChannel are one of these, MeanAbsolute two,
 * UnitLength a few over one number a vector.
 */
const PLAIN = ['GatherCodes', 'UnitLength', 'AddPerChannel', 'MultiplyPerChannel', 'MeanAbsolute'];

beforeAll(() => startEngine('wasm'));

describe('training on wasm needs no other engine', () => {
  for (const preset of modality.presets) {
    for (const quantizer of ['lfq', 'fsq', 'simvq'] as const) {
      it(`${preset}, ${quantizer}: forward, backward, update, encode and decode`, async () => {
        // Those of `photos` follow the number of pictures.
        const config = createConfig({ preset, quantizer, steps: 300 });
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
