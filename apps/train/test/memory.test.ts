import { memory, tensor4d } from '@tensorflow/tfjs-core';
import { eachEngine, repetitions } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createConfig } from '../src/config.ts';
import { createImages } from '../src/data/images.ts';
import { createModel } from '../src/model.ts';
import { createAdamW } from '../src/optimizer/adamw.ts';
import { trainStep } from '../src/train-step.ts';
import { blobs } from './fixtures.ts';

eachEngine((engine) => {
  const times = repetitions(engine, 1000);

  describe(`${times} steps of training and ${times} encodes leave no tensors and no bytes`, () => {
    it.each(['lfq', 'fsq', 'simvq'] as const)('%s', async (quantizer) => {
      const before = memory();
      const sizes = { lfq: { codebookSize: 4 }, fsq: { levels: [3, 3] }, simvq: { codebookSize: 4 } };
      const config = createConfig({
        quantizer,
        quantizerOptions: sizes[quantizer],
        widths: [2],
        normGroups: 1,
        clipGradNorm: 1,
      });
      const model = createModel(config, { channels: 1 });
      const optimizer = createAdamW({ variables: model.variables() });
      const images = tensor4d(createImages(blobs(2, 1), [2, 8, 8, 1]).batch([0, 1]), [2, 8, 8, 1]);
      // What a quantizer keeps of its weights is there after the first call.
      await trainStep({ model, optimizer }, images, config, 0);
      model.encode(images).dispose();
      const held = memory();
      for (let step = 1; step < times; step++) await trainStep({ model, optimizer }, images, config, step);
      for (let i = 0; i < times; i++) model.encode(images).dispose();
      expect(memory()).toMatchObject({ numTensors: held.numTensors, numBytes: held.numBytes });
      optimizer.dispose();
      model.dispose();
      images.dispose();
      expect(memory()).toMatchObject({ numTensors: before.numTensors, numBytes: before.numBytes });
    });
  });
});
