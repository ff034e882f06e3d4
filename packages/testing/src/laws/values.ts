import { range, reshape, tidy, transpose, zeros } from '@tensorflow/tfjs-core';
import { DisposedError } from '@vqkit/core-tensor';
import { expect, it } from 'vitest';
import { expectIdentical, expectSame } from '../values.ts';
import { codebookAxis, expectInRange, LAYOUTS, latents, type Make, scoped, TRAIN } from './subject.ts';

export function describeLayouts(make: Make): void {
  for (const dataFormat of LAYOUTS) {
    for (const tokenShape of [[5], [2, 3], [2, 3, 2], [2, 3, 1, 2]]) {
      it(`takes rank ${tokenShape.length + 1}, ${dataFormat}`, () =>
        scoped(async () => {
          const q = make({ dataFormat });
          const z = latents(q, tokenShape, dataFormat);
          const { quantized, indices, loss, losses } = q.quantize(z, TRAIN);
          expect(quantized.shape).toEqual(z.shape);
          expect(quantized.dtype).toBe('float32');
          expect(indices.shape).toEqual([...tokenShape, ...codebookAxis(q)]);
          expect(indices.dtype).toBe('int32');
          expect(q.encode(z).shape).toEqual(indices.shape);
          expect(q.encode(z).dtype).toBe('int32');
          expect(q.decode(indices).shape).toEqual(z.shape);
          for (const part of [loss, ...Object.values(losses)]) {
            expect(part.shape).toEqual([]);
            expect(part.dtype).toBe('float32');
            expect(await part.data()).toSatisfy(([value]: ArrayLike<number>[]) => Number.isFinite(value));
          }
          q.dispose();
        }));
    }
  }

  it('gives the same tokens in both layouts', () =>
    scoped(async () => {
      const [last, first] = [make({ dataFormat: 'channelsLast' }), make({ dataFormat: 'channelsFirst' })];
      const z = latents(last, [2, 3, 2]);
      const moved = transpose(z, [0, 3, 1, 2]);
      await expectIdentical(first.encode(moved), last.encode(z));
      await expectIdentical(transpose(first.quantize(moved).quantized, [0, 2, 3, 1]), last.quantize(z).quantized);
      last.dispose();
      first.dispose();
    }));
}

export function describeValues(make: Make, is: { noisy: boolean; fixedPoint: boolean }): void {
  it('encodes to indices in [0, codebookSize) and decodes them to `quantized` bit for bit', () =>
    scoped(async () => {
      const q = make();
      const z = latents(q, [4, 25]);
      const { quantized, indices } = q.quantize(z);
      await expectInRange(indices, q.codebookSize);
      await expectIdentical(q.encode(z), indices);
      await expectIdentical(q.decode(indices), quantized);
      q.dispose();
    }));

  it('has in codebook(), if it has that, what decode gives for every index, before and after training', () =>
    scoped(async () => {
      const q = make();
      for (let call = 0; q.codebook !== undefined && call < 2; call++) {
        const all = range(0, q.codebookSize, 1, 'int32');
        await expectIdentical(q.codebook(), q.decode(reshape(all, [-1, ...codebookAxis(q)])));
        q.quantize(latents(q, [4, 5]), TRAIN);
      }
      q.dispose();
      if (q.codebook !== undefined) expect(() => q.codebook?.()).toThrow(DisposedError);
    }));

  it(`gives the same ${is.noisy ? 'indices' : 'values'} in training and in inference, and inside tidy`, () =>
    scoped(async () => {
      const q = make();
      const z = latents(q, [2, 3]);
      const inference = q.quantize(z);
      const tidied = tidy(() => q.quantize(z));
      const training = q.quantize(z, TRAIN);
      await expectIdentical(training.indices, inference.indices);
      await expectIdentical(tidied.indices, inference.indices);
      await expectIdentical(tidied.quantized, inference.quantized);
      if (!is.noisy) await expectIdentical(training.quantized, inference.quantized);
      for (const part of [inference.loss, ...Object.values(inference.losses)]) await expectSame(part, [0]);
      q.dispose();
    }));

  if (is.fixedPoint) {
    it('leaves its own codes unchanged', () =>
      scoped(async () => {
        const q = make();
        const once = q.quantize(latents(q, [4, 25]));
        const twice = q.quantize(once.quantized);
        await expectIdentical(twice.indices, once.indices);
        await expectIdentical(twice.quantized, once.quantized);
        q.dispose();
      }));
  }

  it('takes no tokens at all', () =>
    scoped(async () => {
      const q = make();
      for (const tokenShape of [[0], [2, 0], [0, 3, 2]]) {
        const z = zeros([...tokenShape, q.dim]);
        for (const mask of [undefined, zeros(tokenShape, 'bool')]) {
          const { quantized, indices, loss, losses } = q.quantize(z, { ...TRAIN, mask });
          expect(quantized.shape).toEqual(z.shape);
          expect(indices.shape).toEqual([...tokenShape, ...codebookAxis(q)]);
          expect(indices.dtype).toBe('int32');
          for (const part of [loss, ...Object.values(losses)]) await expectSame(part, [0]);
          expect(q.encode(z, { mask }).shape).toEqual(indices.shape);
          expect(q.decode(indices).shape).toEqual(z.shape);
        }
      }
      q.dispose();
    }));
}
