import {
  add,
  mean,
  memory,
  slice,
  square,
  sub,
  type Tensor2D,
  tensor2d,
  variableGrads,
  zeros,
} from '@tensorflow/tfjs-core';
import { CheckpointError, decodeSafetensors } from '@vqkit/checkpoint';
import { createRng, DisposedError, DtypeError, ShapeError } from '@vqkit/core-tensor';
import { createAdamW } from '@vqkit/nn';
import { quantizerNames } from '@vqkit/quantizers';
import { eachEngine, expectIdentical, startEngine } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import {
  createAudioTokenizer,
  createImageTokenizer,
  createVectorTokenizer,
  loadImageTokenizer,
  loadTokenizer,
  saveTokenizer,
  type Tokenizer,
} from '../src/index.ts';

const vectors = (count: number, features: number): Tensor2D =>
  tensor2d(createRng(4).normalArray(count * features, 1), [count, features]);

eachEngine(() => {
  describe('createVectorTokenizer', () => {
    it.each(quantizerNames())('%s: ids of vectors, vectors of ids, and the same from its file', async (quantizer) => {
      const model = createVectorTokenizer({ quantizer, features: 12, hidden: [10, 8], seed: 3 });
      const x = vectors(9, 12);
      const { output, indices } = model.forward(x);
      const ids = model.encode(x);
      await expectIdentical(ids, indices);
      expect([ids.dtype, ids.shape]).toEqual(['int32', model.numCodebooks === 1 ? [9] : [9, model.numCodebooks]]);
      await expectIdentical(model.decode(ids), output);
      const bytes = await saveTokenizer(model);
      const loaded = loadTokenizer(bytes);
      expect(loaded.config).toEqual(model.config);
      await expectIdentical(loaded.encode(x), ids);
      expect(await saveTokenizer(loaded)).toEqual(bytes);
      expect(decodeSafetensors(bytes).metadata).toMatchObject({ format: 'vqkit-tokenizer-2' });
      expect(() => loadImageTokenizer(bytes, 'a')).toThrow(CheckpointError);
      expect(() => loadImageTokenizer(bytes, 'a')).toThrow('architecture must be one of images, got "mlp"');
      expect(model.encode(zeros([0, 12])).shape).toEqual([0, ...ids.shape.slice(1)]);
      expect(model.decode(slice(ids, 0, 0)).shape).toEqual([0, 12]);
      loaded.dispose();
      model.dispose();
    });

    it('has the names of nn.Sequential, and no network at all without hidden layers', () => {
      const names = (options: { hidden?: number[]; quantizerOptions?: object }): string[] =>
        Object.keys(
          createVectorTokenizer({ quantizer: 'vq', features: 6, ...options } as Parameters<
            typeof createVectorTokenizer
          >[0]).variables(),
        );
      expect(names({})).toEqual([]);
      expect(names({ hidden: [8] })).toEqual(
        ['encoder', 'decoder'].flatMap((part) => [0, 2].flatMap((i) => [`${part}.${i}.weight`, `${part}.${i}.bias`])),
      );
      expect(names({ quantizerOptions: { dim: 3 } })).toEqual(
        ['encoder', 'decoder'].flatMap((part) => [`${part}.0.weight`, `${part}.0.bias`]),
      );
    });

    it('without a network quantizes the vectors themselves', async () => {
      const model = createVectorTokenizer({
        quantizer: 'residual-vq',
        features: 5,
        quantizerOptions: { codebookSize: 64, numQuantizers: 3 },
      });
      const x = vectors(300, 5);
      const { latents } = model.forward(x, { training: true });
      await expectIdentical(latents, x);
      await expectIdentical(model.encode(x), model.quantizer.encode(x));
      model.dispose();
    });

    it('learns, and leaves no tensors', async () => {
      const x = vectors(64, 8);
      const before = memory().numTensors;
      const model = createVectorTokenizer({ quantizer: 'fsq', features: 8, hidden: [16], seed: 1 });
      const variables = model.variables();
      const optimizer = createAdamW({ variables });
      const losses: number[] = [];
      for (let step = 0; step < 30; step++) {
        const { value, grads } = variableGrads(() => {
          const { output, loss } = model.forward(x, { training: true, step });
          return add(mean(square(sub(output, x))), loss);
        }, Object.values(variables));
        const named = Object.entries(variables).map(([name, variable]) => [name, grads[variable.name]] as const);
        optimizer.step(Object.fromEntries(named), 1e-2);
        losses.push((await value.data())[0] as number);
        value.dispose();
        for (const gradient of Object.values(grads)) gradient.dispose();
      }
      expect(losses.at(-1)).toBeLessThan(0.9 * (losses[0] as number));
      optimizer.dispose();
      model.dispose();
      expect(memory().numTensors).toBe(before);
    });

    it('refuses what does not fit', () => {
      const model = createVectorTokenizer({ quantizer: 'residual-fsq', features: 6 });
      const name = 'createVectorTokenizer()';
      expect(() => model.encode(zeros([2, 5]))).toThrow(ShapeError);
      expect(() => model.encode(zeros([2, 5]))).toThrow(
        `${name}.encode: vectors must be float32 [batch, 6], got shape [2,5]. Pass a row per vector.`,
      );
      expect(() => model.encode(zeros([2, 6], 'int32'))).toThrow(DtypeError);
      expect(() => model.decode(zeros([2], 'int32'))).toThrow(
        `${name}.decode: ids must be int32 [batch, 4], got shape [2].`,
      );
      expect(() => model.decode(zeros([2, 4]))).toThrow(DtypeError);
      model.dispose();
      expect(() => model.encode(zeros([2, 6]))).toThrow(DisposedError);
    });
  });
});

describe('describe', () => {
  it('tells layers, parameters and operations of encoder and decoder', () => {
    const { encoder, decoder, quantizerNumbers } = createVectorTokenizer({
      quantizer: 'vq',
      features: 6,
      hidden: [8],
      quantizerOptions: { codebookSize: 16 },
    }).describe([1, 6]);
    expect(encoder.layers.map(({ name, operation }) => `${name} ${operation}`)).toEqual([
      'encoder.0 linear',
      'encoder.1 relu',
      'encoder.2 linear',
    ]);
    expect([encoder.outputShape, decoder.outputShape]).toEqual([
      [1, 6],
      [1, 6],
    ]);
    expect([encoder.parameters, encoder.flops]).toEqual([6 * 8 + 8 + 8 * 6 + 6, 2 * 2 * 6 * 8]);
    expect(quantizerNumbers).toBeGreaterThan(16 * 6);
  });
});

describe('lastLayer', () => {
  it.each<[string, () => Pick<Tokenizer, 'lastLayer' | 'variables'>, string[]]>([
    ['conv', () => createImageTokenizer({ quantizer: 'fsq', widths: [2] }), ['decoder.conv1.weight']],
    [
      'resnet',
      () => createImageTokenizer({ architecture: 'resnet', quantizer: 'fsq', widths: [4] }),
      ['decoder.conv_out.weight'],
    ],
    [
      'seanet',
      () => createAudioTokenizer({ quantizer: 'fsq', filters: 2, strides: [2] }),
      ['decoder.model.3.weight_v', 'decoder.model.3.weight_g'],
    ],
    ['mlp', () => createVectorTokenizer({ quantizer: 'vq', features: 6, hidden: [4] }), ['decoder.2.weight']],
    ['no network', () => createVectorTokenizer({ quantizer: 'vq', features: 6 }), []],
  ])('of %s: the weights of the last layer of the decoder', async (_, create, expected) => {
    await startEngine('cpu');
    const model = create();
    expect(Object.keys(model.lastLayer())).toEqual(expected);
    for (const name of expected) expect(model.lastLayer()[name]).toBe(model.variables()[name]);
  });
});
