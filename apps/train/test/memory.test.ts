import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { add, fill, memory, mul, tensor4d, tidy, type Variable, zerosLike } from '@tensorflow/tfjs-core';
import { CheckpointError } from '@vqkit/checkpoint';
import { createImages } from '@vqkit/data';
import { createAdamW } from '@vqkit/nn';
import { eachEngine, leakSteps, startEngine } from '@vqkit/testing';
import { blobs, temporaryFolder } from '@vqkit/testing/pictures';
import { DivergenceError, trainStep } from '@vqkit/training';
import { describe, expect, it } from 'vitest';
import { createConfig } from '../src/config.ts';
import { createModel } from '../src/model.ts';
import { type RunState, readCheckpoint, writeCheckpoint } from '../src/training-state.ts';

eachEngine((engine) => {
  const times = leakSteps(engine);

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

describe('a checkpoint leaves no tensors', () => {
  const state = (codebookSize: number): RunState => {
    const config = createConfig({ quantizer: 'simvq', quantizerOptions: { codebookSize }, widths: [2], normGroups: 1 });
    const model = createModel(config, { channels: 1 });
    return { model, optimizer: createAdamW({ variables: model.variables() }) };
  };

  it('when a weight, a moment or what was gathered is not finite, and when it is of another model', async () => {
    await startEngine('cpu');
    const [own, other] = [state(4), state(8)];
    const folder = await temporaryFolder();
    const [good, bad] = ['good', 'bad'].map((name) => join(folder, `${name}.safetensors`)) as [string, string];
    await writeCheckpoint(good, own, 1, {});
    const { numTensors } = memory();

    await expect(readCheckpoint(good, other)).rejects.toThrow(CheckpointError);
    expect(await readCheckpoint(good, own)).toBe(1);
    expect(memory().numTensors).toBe(numTensors);

    for (const weight of Object.values(own.model.variables())) {
      const before = weight.clone();
      tidy(() => weight.assign(mul(weight, Number.NaN)));
      await expect(writeCheckpoint(bad, own, 1, {})).rejects.toThrow(DivergenceError);
      weight.assign(before);
      before.dispose();
    }
    const moment = Object.values(own.optimizer.state())[0] as Variable;
    tidy(() => moment.assign(add(moment, Number.POSITIVE_INFINITY)));
    await expect(writeCheckpoint(bad, own, 1, {})).rejects.toThrow(DivergenceError);
    tidy(() => moment.assign(zerosLike(moment)));
    const { quantizer } = own.model;
    const { trainingState } = quantizer;
    Object.assign(quantizer, { trainingState: () => ({ sample: fill([3], Number.NaN) }) });
    await expect(writeCheckpoint(bad, own, 1, {})).rejects.toThrow(DivergenceError);
    Object.assign(quantizer, { trainingState });
    expect(memory().numTensors).toBe(numTensors);
    expect(existsSync(bad)).toBe(false);
  });
});
