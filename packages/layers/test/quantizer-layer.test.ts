import {
  add,
  addN,
  losses,
  mean,
  memory,
  type Scalar,
  type Tensor,
  tensor,
  tidy,
  train,
  variableGrads,
  zeros,
} from '@tensorflow/tfjs-core';
import { type LayersModel, layers, type Sequential, sequential } from '@tensorflow/tfjs-layers';
import { OptionError, type Quantizer, ShapeError, UnsupportedError } from '@vqkit/core-tensor';
import { createFsq, createGrouped, createLfq, createVq, quantizerEntry, quantizerNames } from '@vqkit/quantizers';
import { eachEngine, expectClose, expectIdentical, expectSame, tolerances, trainingIt } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { QuantizerLayer, quantizerLayer } from '../src/index.ts';
import { around, autoencoder, images, latentsOf, quantizerOf, saved } from './model.ts';

const made = (name: string): Quantizer => {
  const { create, recipe } = quantizerEntry(name);
  return create(recipe(4));
};
const valuesOf = (model: LayersModel): Promise<Float32Array[]> =>
  Promise.all(model.getWeights().map(async (weight) => Float32Array.from(await weight.data())));
const fit = (model: LayersModel, x: Tensor, epochs: number): ReturnType<LayersModel['fit']> =>
  model.fit(x, x, { epochs, batchSize: x.shape[0], shuffle: false, verbose: 0 });

eachEngine((engine) => {
  const trainingTest = trainingIt(engine);
  describe('a quantizer as a layer', () => {
    for (const name of quantizerNames()) {
      trainingTest(`of ${name} trains with model.fit, its losses in that of the model`, async () => {
        const x = images(24, 1);
        const { model, layer } = autoencoder(made(name));
        model.compile({ optimizer: train.sgd(0.1), loss: 'meanSquaredError' });
        const expected = await handMadeStep(model, x);
        const before = await valuesOf(model);
        const { history } = await fit(model, x, 1);
        const after = await valuesOf(model);
        await expectClose(tensor(history.loss as number[]), [expected.loss], tolerances.float32);
        expect(after.length).toBe(6 + Object.keys(layer.quantizer.stateDict()).length);
        expect(after.some((values, i) => values.some((value, k) => value !== before[i]?.[k]))).toBe(true);
        for (const [i, weight] of model.trainableWeights.entries()) {
          await expectClose(weight.read(), expected.weights[i] as Float32Array, tolerances.float32);
        }
        model.dispose();
      });

      trainingTest(`of ${name} is saved and loaded, and trains on with the same numbers`, async () => {
        const x = images(24, 2);
        const { model } = autoencoder(made(name));
        model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
        await fit(model, x, 3);
        const loaded = await saved(model);
        const ids = (of: LayersModel): Promise<ArrayLike<number>> =>
          tidy(() => quantizerOf(of).encode(latentsOf(of, x))).data();
        expect(await ids(loaded)).toEqual(await ids(model));
        await fit(model, x, 2);
        await fit(loaded, x, 2);
        const [own, again] = [await valuesOf(model), await valuesOf(loaded)];
        for (const [i, values] of own.entries()) await expectIdentical(again[i] as Float32Array, values);
        expect(await ids(loaded)).toEqual(await ids(model));
        model.dispose();
        loaded.dispose();
      });
    }

    it('leaves no more tensors behind than a model without it, in fit, predict, save and encode', async () => {
      const x = images(8, 3);
      const start = memory().numTensors;
      const { model, layer } = autoencoder(
        createVq({ dim: 4, codebookSize: 8, kmeansInit: true, thresholdEmaDeadCode: 1 }),
      );
      const plain = around([], 4);
      /** How many more there are after a second round; tf.layers itself keeps some for an optimizer that is saved. */
      const left = async (of: LayersModel): Promise<number> => {
        of.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
        const counts: number[] = [];
        for (let i = 0; i < 2; i++) {
          await fit(of, x, 3);
          (of.predict(x) as Tensor).dispose();
          (await saved(of)).dispose();
          if (of === model) tidy(() => layer.decode(layer.encode(latentsOf(of, x)))).dispose();
          counts.push(memory().numTensors);
        }
        return (counts[1] as number) - (counts[0] as number);
      };
      expect(await left(model)).toBe(await left(plain));
      const before = memory().numTensors;
      await fit(model, x, 3);
      (model.predict(x) as Tensor).dispose();
      expect(memory().numTensors).toBe(before);
      plain.dispose();
      const weights = memory().numTensors - start;
      model.dispose();
      expect(memory().numTensors - start).toBeLessThan(weights);
    });

    it('takes sequences, and masks of a layer before it', async () => {
      const vq = createVq({ dim: 3, codebookSize: 4 });
      const dense = layers.dense({ units: 3 });
      const model = sequential({
        layers: [layers.masking({ maskValue: 0, inputShape: [5, 2] }), dense, quantizerLayer(vq)],
      });
      expect(model.outputShape).toEqual([null, 5, 3]);
      const x = tensor(
        Array.from({ length: 20 }, (_, i) => (i % 10 < 6 ? Math.sin(i + 1) : 0)),
        [2, 5, 2],
      );
      const mask = tensor([1, 1, 1, 0, 0, 1, 1, 1, 0, 0], [2, 5]);
      await expectSame(model.predict(x) as Tensor, vq.quantize(dense.apply(x) as Tensor, { mask }).quantized);
      model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
      await model.fit(x, zeros([2, 5, 3]), { epochs: 1, verbose: 0 });
      const counted = Array.from((await vq.stateDict()['_codebook.cluster_size']?.data()) ?? []);
      // 0.8 of the ones at the start, and 0.2 of the six tokens that are not padding.
      expect(counted.reduce((sum, count) => sum + count, 0)).toBeCloseTo(4 * 0.8 + 6 * 0.2, 5);
      model.dispose();
    });

    it('quantizes as in inference where it is not to be trained', async () => {
      const vq = createVq({ dim: 4, codebookSize: 8 });
      const { model, layer } = autoencoder(vq);
      layer.trainable = false;
      model.compile({ optimizer: train.sgd(0.1), loss: 'meanSquaredError' });
      const x = images(8, 4);
      const codes = await vq.stateDict()['_codebook.embed']?.data();
      const output = model.predict(x) as Tensor;
      const alone = await mean(losses.meanSquaredError(x, output)).data();
      const { history } = await fit(model, x, 1);
      expect(history.loss?.[0]).toBeCloseTo(alone[0] as number, 5);
      await expectIdentical(vq.stateDict()['_codebook.embed'] as Tensor, codes as Float32Array);
      model.dispose();
    });

    it('counts the steps of a schedule, and goes on counting when loaded', async () => {
      const invTemperature = { from: 1, to: 100, steps: 4 };
      const { model } = autoencoder(createLfq({ codebookSize: 16, invTemperature }));
      model.compile({ optimizer: train.sgd(0), loss: 'meanSquaredError' });
      const x = images(8, 5);
      const first = (await fit(model, x, 2)).history.loss as number[];
      expect(first[0]).not.toBe(first[1]);
      const loaded = await saved(model);
      loaded.compile({ optimizer: train.sgd(0), loss: 'meanSquaredError' });
      expect((await fit(loaded, x, 1)).history.loss).toEqual((await fit(model, x, 1)).history.loss);
      model.dispose();
      loaded.dispose();
    });

    it('gives its loss to a loop of ones own, and to a model that its model is a part of', async () => {
      const x = images(8, 7);
      const { model } = autoencoder(createVq({ dim: 4, codebookSize: 8, decay: 1 }));
      model.compile({ optimizer: train.sgd(0.1), loss: 'meanSquaredError' });
      const { value, grads } = variableGrads(() => {
        const output = model.apply(x, { training: true }) as Tensor;
        return addN([mean(losses.meanSquaredError(x, output)), ...model.calculateLosses()]) as Scalar;
      });
      expect(Object.keys(grads).length).toBeGreaterThan(0);
      const { history } = await fit(model, x, 1);
      await expectClose(value, history.loss as number[], tolerances.float32);
      const whole = sequential({ layers: [model] });
      whole.compile({ optimizer: train.sgd(0), loss: 'meanSquaredError' });
      model.compile({ optimizer: train.sgd(0), loss: 'meanSquaredError' });
      expect((await fit(whole, x, 1)).history.loss).toEqual((await fit(model, x, 1)).history.loss);
      const before = memory().numTensors;
      await fit(whole, x, 2);
      expect(memory().numTensors).toBe(before);
      model.dispose();
    });

    it('takes new weights, also of a state that is not trained', async () => {
      const [a, b] = [1, 2].map((seed) => autoencoder(createVq({ dim: 4, codebookSize: 8, seed })));
      const [from, to] = [a?.model as Sequential, b?.model as Sequential];
      to.setWeights(from.getWeights());
      const x = images(4, 6);
      await expectSame(to.predict(x) as Tensor, from.predict(x) as Tensor);
      from.dispose();
      to.dispose();
    });
  });
});

describe('what a layer refuses', () => {
  it('is an input of other features', () => {
    const layer = quantizerLayer(createFsq({ levels: [8, 5, 5] }));
    const dense = layers.dense({ units: 4, inputShape: [8] });
    expect(() => sequential({ layers: [dense, layer] })).toThrow(ShapeError);
  });

  it('is to be saved with a composition of ones own', () => {
    const grouped = createGrouped({ groups: [createFsq({ levels: [8, 5] }), createFsq({ levels: [8, 5] })] });
    expect(() => quantizerLayer(grouped).getConfig()).toThrow(UnsupportedError);
  });

  it('is a description that is damaged', () => {
    const config = quantizerLayer(createFsq({ levels: [8, 5] })).getConfig() as { quantizer: { name: string } };
    const loaded = (name: unknown): unknown =>
      QuantizerLayer.fromConfig(QuantizerLayer as never, { ...config, quantizer: { name } as never });
    expect(loaded(config.quantizer.name)).toBeInstanceOf(QuantizerLayer);
    for (const change of [
      ['{', '['],
      ['"fsq"', '"fsp"'],
      ['[8,5]', '[8,0]'],
      ['"step":0', '"step":-1'],
      ['"rng":[', '"rng":[1,'],
    ] as const) {
      expect(() => loaded(config.quantizer.name.replace(change[0], change[1])), change.join()).toThrow(OptionError);
    }
    for (const text of [undefined, 'null', '{}', '3']) expect(() => loaded(text)).toThrow(OptionError);
  });
});

/** The loss of a step of gradient descent, and the weights after it, written out with a quantizer of the same state. */
async function handMadeStep(model: LayersModel, x: Tensor): Promise<{ loss: number; weights: Float32Array[] }> {
  const place = model.layers.indexOf(quantizerOf(model));
  const { quantizer } = quantizerOf(model);
  const entry = quantizerNames()
    .map((name) => quantizerEntry(name))
    .find(({ kind }) => kind === quantizer.kind);
  const twin = entry?.create(quantizer.config as object) as Quantizer;
  const others = model.layers.flatMap((layer, i) => (i === place ? [] : layer.trainableWeights));
  const variables = [...others.map((weight) => weight.read()), ...Object.values(twin.variables())];
  const { value, grads } = variableGrads(() => {
    const z = latentsOf(model, x);
    const { quantized, loss } = twin.quantize(z, { training: true });
    const output = model.layers.slice(place + 1).reduce((y, layer) => layer.apply(y) as Tensor, quantized);
    return add(mean(losses.meanSquaredError(x, output)), loss) as Scalar;
  }, variables as never);
  const moved = await Promise.all(
    (variables as (Tensor & { name: string })[]).map(async (variable) => {
      const gradient = grads[variable.name];
      const values = Float32Array.from(await variable.data());
      const slope = gradient === undefined ? undefined : await gradient.data();
      return values.map((value, i) => value - 0.1 * (slope?.[i] ?? 0));
    }),
  );
  const count = model.layers.slice(0, place).flatMap((layer) => layer.trainableWeights).length;
  const ofTwin = moved.splice(others.length);
  moved.splice(count, 0, ...ofTwin);
  const loss = (await value.data())[0] as number;
  twin.dispose();
  return { loss, weights: moved };
}
