import {
  cast,
  memory,
  mul,
  slice,
  type Tensor,
  type Tensor4D,
  tensor,
  tensor4d,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core';
import { createRng, DisposedError, DtypeError, OptionError, type Schedule, ShapeError } from '@vqkit/core-tensor';
import { quantizerNames } from '@vqkit/quantizers';
import { eachEngine, expectIdentical, expectSame } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import type { ImageTokenizerOptions } from '../src/config.ts';
import { createImageTokenizer, type ImageTokenizer } from '../src/image-tokenizer.ts';

type Shape4 = [number, number, number, number];

function normal(shape: Shape4, seed: number): Tensor4D {
  const size = shape.reduce((product, length) => product * length, 1);
  return tensor4d(createRng(seed).normalArray(size, 1), shape);
}

/** A tokenizer of some hundred weights. */
const tiny = (options: ImageTokenizerOptions): ImageTokenizer =>
  createImageTokenizer({ widths: [4, 8], seed: 3, ...options });

const shapes = (model: ImageTokenizer): Record<string, number[]> =>
  tidy(() => Object.fromEntries(Object.entries(model.stateDict()).map(([name, value]) => [name, value.shape])));

const ends = {
  'encoder.conv1.weight': [16, 1, 3, 3],
  'encoder.conv1.bias': [16],
  'encoder.conv2.weight': [32, 16, 3, 3],
  'encoder.conv2.bias': [32],
  'decoder.conv1.weight': [16, 32, 3, 3],
  'decoder.conv1.bias': [16],
  'decoder.conv2.weight': [1, 16, 3, 3],
  'decoder.conv2.bias': [1],
};
const around = (dim: number): Record<string, number[]> => ({
  'to_code.weight': [dim, 32, 1, 1],
  'to_code.bias': [dim],
  'from_code.weight': [32, dim, 3, 3],
  'from_code.bias': [32],
});

eachEngine(() => {
  describe('createImageTokenizer', () => {
    it('has the layers of the recipe, in PyTorch layouts', () => {
      expect(shapes(createImageTokenizer({ quantizer: 'fsq' }))).toEqual({ ...ends, ...around(3) });
      expect(shapes(createImageTokenizer({ quantizer: 'simvq' }))).toEqual({
        ...ends,
        'quantizer.frozen_codebook': [256, 32],
        'quantizer.code_transform.0.weight': [128, 32],
        'quantizer.code_transform.0.bias': [128],
        'quantizer.code_transform.2.weight': [32, 128],
        'quantizer.code_transform.2.bias': [32],
      });
    });

    it('goes by any widths, channels and dimensions', () => {
      const model = createImageTokenizer({
        quantizer: 'simvq',
        quantizerOptions: { dim: 6, codebookSize: 20 },
        widths: [4, 6, 8],
        channels: 3,
      });
      const { latents, indices, output } = model.forward(normal([2, 16, 24, 3], 7));
      expect(latents.shape).toEqual([2, 2, 3, 6]);
      expect(indices.shape).toEqual([2, 2, 3]);
      expect(output.shape).toEqual([2, 16, 24, 3]);
      expect(shapes(model)['to_code.weight']).toEqual([6, 8, 1, 1]);
    });

    it.each(quantizerNames())(
      '%s: ids of the stated shape, and the images of the whole pass from them',
      async (quantizer) => {
        const model = tiny({ quantizer });
        const images = normal([3, 8, 12, 1], 8);
        const { output, indices } = model.forward(images);
        const ids = model.encode(images);
        expect([ids.dtype, ids.shape]).toEqual(['int32', [3, ...model.tokenShape(8, 12)]]);
        await expectIdentical(ids, indices);
        const decoded = model.decode(ids);
        expect(decoded.shape).toEqual([3, 8, 12, 1]);
        const clamped = (await output.data()).map((value) => Math.min(Math.max(value, -1), 1));
        await expectSame(decoded, clamped);
        const { codebookSize, numCodebooks } = model;
        expect(Math.max(...(await ids.data()))).toBeLessThan(codebookSize);
        expect(model.bitsPerToken).toBeCloseTo(numCodebooks * Math.log2(codebookSize), 12);
        expect(model.tokensPerImage(8, 12)).toBe(6);
        expect(ids.size).toBe(3 * 6 * numCodebooks);
        model.dispose();
      },
    );

    it('gives an image the same ids alone as in a batch', async () => {
      for (const quantizer of ['fsq', 'lfq', 'simvq'] as const) {
        const model = createImageTokenizer({ quantizer });
        const images = normal([5, 28, 20, 1], 11);
        const together = [...(await model.encode(images).data())];
        const alone: number[] = [];
        for (let i = 0; i < 5; i++)
          alone.push(...(await model.encode(slice(images, [i, 0, 0, 0], [1, -1, -1, -1])).data()));
        expect(alone).toEqual(together);
        model.dispose();
      }
    });

    it('keeps the axis of the ids that its quantizer keeps', () => {
      const model = tiny({ quantizer: 'fsq', quantizerOptions: { levels: [3, 3], keepNumCodebooksDim: true } });
      expect(model.tokenShape(4, 8)).toEqual([1, 2, 1]);
      expect(model.encode(zeros([1, 4, 8, 1])).shape).toEqual([1, 1, 2, 1]);
    });

    it('takes no images and no ids', () => {
      for (const quantizer of ['fsq', 'residual-vq'] as const) {
        const model = tiny({ quantizer });
        const ids = model.encode(zeros([0, 8, 4, 1]));
        expect([ids.dtype, ids.shape]).toEqual(['int32', [0, ...model.tokenShape(8, 4)]]);
        expect(model.decode(ids).shape).toEqual([0, 8, 4, 1]);
      }
    });

    it('clamps what it decodes', async () => {
      const model = tiny({ quantizer: 'fsq' });
      const state = tidy(() => {
        const values = Object.entries(model.stateDict());
        return Object.fromEntries(values.map(([name, value]) => [name, mul(value, name.endsWith('bias') ? 50 : 1)]));
      });
      model.loadStateDict(state);
      const values = await model.decode(zeros([1, 2, 2], 'int32')).data();
      expect(Math.max(...values.map(Math.abs))).toBe(1);
    });

    it('hands the step to the schedules of its quantizer', async () => {
      const losses = (invTemperature: Schedule, step?: number): Promise<ArrayLike<number>> => {
        const model = tiny({ quantizer: 'lfq', quantizerOptions: { codebookSize: 16, invTemperature } });
        const { loss } = model.forward(normal([2, 8, 8, 1], 5), { training: true, step });
        model.dispose();
        return loss.data();
      };
      expect(await losses({ from: 1, to: 5, steps: 8 }, 4)).toEqual(await losses(3));
      expect(await losses({ from: 1, to: 5, steps: 8 }, 8)).not.toEqual(await losses(3));
    });

    it('copies all its weights through its state dict, and leaves no tensors', async () => {
      const before = memory().numTensors;
      const [a, b] = [1, 2].map((seed) => createImageTokenizer({ quantizer: 'simvq', seed })) as [
        ImageTokenizer,
        ImageTokenizer,
      ];
      const images = normal([1, 28, 28, 1], 9);
      const run = async (model: ImageTokenizer): Promise<ArrayLike<number>[]> => {
        const ids = model.encode(images);
        const results = [ids, model.decode(ids), tidy(() => model.forward(images).output)];
        const data = await Promise.all(results.map((result) => result.data()));
        for (const result of results) result.dispose();
        return data;
      };
      // What a quantizer computes from its variables it keeps.
      expect(await run(b)).not.toEqual(await run(a));
      const held = memory().numTensors;
      const state = a.stateDict();
      b.loadStateDict(state);
      for (const value of Object.values(state)) value.dispose();
      expect(await run(b)).toEqual(await run(a));
      expect(memory().numTensors).toBe(held);
      images.dispose();
      a.dispose();
      b.dispose();
      b.dispose();
      expect(memory().numTensors).toBe(before);
    });

    it('refuses the state of another tokenizer and changes nothing', async () => {
      const model = createImageTokenizer({ quantizer: 'fsq' });
      const { 'to_code.bias': missing, ...rest } = model.stateDict();
      expect(() => model.loadStateDict(rest)).toThrow(OptionError);
      expect(() => model.loadStateDict(rest)).toThrow('missing ["to_code.bias"], unknown []');
      expect(() => model.loadStateDict({ ...model.stateDict(), extra: zeros([1]) })).toThrow('unknown ["extra"]');
      const other = createImageTokenizer({ quantizer: 'fsq', seed: 9 }).stateDict();
      const wrong = { ...other, 'to_code.bias': zeros([4]) };
      expect(() => model.loadStateDict(wrong)).toThrow(ShapeError);
      expect(() => model.loadStateDict(wrong)).toThrow("'to_code.bias' must have shape [3], got shape [4].");
      const whole = { ...other, 'to_code.bias': zeros([3], 'int32') };
      expect(() => model.loadStateDict(whole)).toThrow(DtypeError);
      await expectIdentical(model.variables()['to_code.bias'] as Tensor, missing as Tensor);
    });

    it('refuses a state with something else than live tensors by name, and its quantizer does not change either', async () => {
      const quantizer = { quantizer: 'simvq', quantizerOptions: { codebookSize: 8, dim: 4 } } as const;
      const [model, other] = [tiny(quantizer), tiny({ ...quantizer, seed: 9 })];
      const [before, state] = [model.stateDict(), other.stateDict()];
      const gone = (state['decoder.conv1.weight'] as Tensor).clone();
      gone.dispose();
      for (const [value, got] of [
        [null, 'must be a tensor, got null'],
        [[1, 2], 'must be a tensor, got [1,2]'],
        [gone, 'must be alive, got a disposed tensor of shape'],
      ] as const) {
        const wrong = { ...state, 'decoder.conv1.weight': value } as Record<string, Tensor>;
        expect(() => model.loadStateDict(wrong)).toThrow(OptionError);
        expect(() => model.loadStateDict(wrong)).toThrow(`loadStateDict: 'decoder.conv1.weight' ${got}`);
      }
      for (const nothing of [null, undefined, 3]) {
        const load = (): void => model.loadStateDict(nothing as unknown as Record<string, Tensor>);
        expect(load).toThrow(OptionError);
      }
      for (const [name, value] of Object.entries(model.stateDict()))
        await expectIdentical(value, before[name] as Tensor);
      model.dispose();
      other.dispose();
    });

    it('refuses images and ids that do not fit, and says what does', () => {
      const model = tiny({ quantizer: 'residual-fsq', quantizerOptions: { numQuantizers: 2 } });
      const encode = (images: Tensor): Tensor => model.encode(images as Tensor4D);
      const name = 'createImageTokenizer().encode: images must';
      expect(() => encode(zeros([1, 8, 10, 1]))).toThrow(
        `${name} have a height and a width that are multiples of 4, got shape [1,8,10,1]. Crop or resize them, for example to 8 × 8.`,
      );
      expect(() => encode(zeros([1, 3, 8, 1]))).toThrow('for example to 4 × 8.');
      expect(() => encode(zeros([1, 0, 8, 1]))).toThrow(ShapeError);
      expect(() => encode(zeros([1, 8, 8, 3]))).toThrow(
        `${name} be float32 [batch, height, width, 1], got shape [1,8,8,3].`,
      );
      expect(() => encode(zeros([8, 8, 1]))).toThrow(ShapeError);
      expect(() => encode(zeros([1, 8, 8, 1], 'int32'))).toThrow(DtypeError);
      expect(() => encode([[1]] as unknown as Tensor)).toThrow(OptionError);
      expect(() => model.forward(zeros([1, 8, 10, 1]))).toThrow('createImageTokenizer().forward: images must');

      const ids = 'createImageTokenizer().decode: ids must be int32';
      expect(() => model.decode(zeros([1, 2, 2, 2]))).toThrow(`${ids}, got float32.`);
      expect(() => model.decode(zeros([1, 2, 2], 'int32'))).toThrow(
        `${ids} [batch, rows, columns, 2], got shape [1,2,2].`,
      );
      expect(() => model.decode(zeros([1, 2, 2, 3], 'int32'))).toThrow(ShapeError);
      expect(() => model.decode(zeros([1, 0, 2, 2], 'int32'))).toThrow(ShapeError);

      expect(() => model.tokenShape(8, 10)).toThrow(
        'createImageTokenizer().tokenShape: width must be a multiple of 4, got 10. Use for example 8.',
      );
      expect(() => model.tokensPerImage(0, 8)).toThrow('tokensPerImage: height must be an integer >= 1, got 0.');
    });

    it('says after dispose that it is disposed', () => {
      const model = tiny({ quantizer: 'lfq' });
      const images = zeros([1, 8, 8, 1]) as Tensor4D;
      const ids = model.encode(images);
      model.dispose();
      for (const call of [
        () => model.encode(images),
        () => model.decode(ids),
        () => model.forward(images),
        () => model.variables(),
        () => model.stateDict(),
        () => model.loadStateDict({}),
      ]) {
        expect(call).toThrow(DisposedError);
        expect(call).toThrow(/^createImageTokenizer\(\)\.\w+: the tokenizer must not be disposed/);
      }
    });

    it.each(['fsq', 'simvq', 'residual-fsq'] as const)(
      '%s: an id out of range gives NaN around its place, and only in its image',
      async (quantizer) => {
        const model = tiny({ quantizer });
        const { numCodebooks } = model;
        const ids = new Array(2 * 9 * numCodebooks).fill(0).fill(9999, 4 * numCodebooks, 5 * numCodebooks);
        const [rows, ...axes] = model.tokenShape(12, 12);
        const values = await model.decode(tensor(ids, [2, rows as number, ...axes], 'int32')).data();
        for (let y = 4; y < 8; y++) for (let x = 4; x < 8; x++) expect(values[12 * y + x]).toBeNaN();
        expect(values.subarray(144).every(Number.isFinite)).toBe(true);
      },
    );

    it('decodes a token of nothing but -1 as one without a code', async () => {
      const model = tiny({ quantizer: 'residual-fsq' });
      const decoded = model.decode(cast(tensor(new Array(4).fill(-1), [1, 1, 1, 4]), 'int32'));
      expect(decoded.shape).toEqual([1, 4, 4, 1]);
      expect((await decoded.data()).every(Number.isFinite)).toBe(true);
    });
  });
});
