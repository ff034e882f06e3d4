import { grad, greater, memory, norm, sum, type Tensor, tensor, tidy, zeros } from '@tensorflow/tfjs-core';
import { describeQuantizer, eachEngine, expectIdentical, expectSame, spreadIt } from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect } from 'vitest';
import { createParameterSet, createQuantizer, createRng, DisposedError } from '../src/index.ts';
import { createSign } from './sign-quantizer.ts';

describeQuantizer('createQuantizer’s part of any method', {
  create: createSign,
  variants: {
    'two codebooks': { bits: 3, numCodebooks: 2 },
    'one codebook': { bits: 4 },
    'one codebook with its axis kept': { bits: 2, keepNumCodebooksDim: true },
  },
  random: fc.record({ bits: fc.integer({ min: 1, max: 5 }), numCodebooks: fc.integer({ min: 1, max: 3 }) }),
});

eachEngine((engineName) => {
  const it = spreadIt(engineName);
  describe('createQuantizer', () => {
    it('gives plain facts about the quantizer', () => {
      const q = createSign({ bits: 3, numCodebooks: 2 });
      expect([q.kind, q.dim, q.codebookSize, q.numCodebooks]).toEqual(['Sign', 6, 8, 2]);
      expect(q.config).toEqual({
        bits: 3,
        numCodebooks: 2,
        keepNumCodebooksDim: true,
        dataFormat: 'channelsLast',
        seed: 0,
      });
      q.dispose();
    });

    it('weighs the losses and gives the named parts as they are', async () => {
      const q = createSign({ bits: 2 });
      const { loss, losses } = q.quantize(tensor([[1, -2]]), { training: true });
      const [total, part] = [await loss.data(), await losses.unitNorm.data()];
      expect(part[0]).toBeGreaterThan(0);
      expect(total[0]).toBe(Math.fround((part[0] as number) / 2));
      q.dispose();
    });

    it('gives a token of several codebooks NaN when one index is out of range, zeros when all are -1', async () => {
      const q = createSign({ bits: 2, numCodebooks: 2 });
      const codes = q.decode(tensor([0, 3, -1, -1, -1, 3, 0, 4], [4, 2], 'int32'));
      const nan = new Array<number>(8).fill(Number.NaN);
      await expectIdentical(codes, [-1, -1, 1, 1, 0, 0, 0, 0, ...nan]);
      q.dispose();
    });

    it('decodes a single index to a single code', async () => {
      const q = createSign({ bits: 2 });
      const code = q.decode(tensor(2, [], 'int32'));
      expect(code.shape).toEqual([2]);
      await expectSame(code, [-1, 1]);
      q.dispose();
    });

    it('takes a mask that is computed from z on the tape', async () => {
      const q = createSign({ bits: 2 });
      const z = tensor([
        [1, 2],
        [0, 0],
      ]);
      const dz = grad((x: Tensor) => {
        const mask = greater(norm(x, 'euclidean', 1), 0);
        return sum(q.quantize(x, { mask }).quantized);
      })(z);
      await expectSame((await dz.data()).slice(2), [1, 1]);
      q.dispose();
    });

    it('keeps the zeros that stand for padding away from the statistics, and gives the method weights', async () => {
      const seen: { tokens: ArrayLike<number>; weights: ArrayLike<number> | undefined }[] = [];
      const reads: Promise<void>[] = [];
      const q = createQuantizer<object, never>({
        kind: 'Spy',
        where: 'createSpy',
        config: {},
        dim: 2,
        codebookSize: 1,
        numCodebooks: 1,
        keepNumCodebooksDim: false,
        dataFormat: 'channelsLast',
        rng: createRng(0),
        lossNames: [],
        parameters: createParameterSet('createSpy', []),
        callOptions: ['extra'],
        quantizeTokens(tokens, { weights, training, options }) {
          expect(training).toBe(true);
          expect(options).toMatchObject({ extra: 7 });
          reads.push(
            Promise.all([tokens.data(), weights?.data()]).then(([t, w]) => {
              seen.push({ tokens: [...t], weights: w === undefined ? undefined : [...w] });
            }),
          );
          return { quantized: tokens, indices: zeros([tokens.shape[0], 1], 'int32') };
        },
        encodeTokens: (tokens) => zeros([tokens.shape[0], 1], 'int32'),
        decodeTokens: (indices) => zeros([indices.shape[0] as number, 2]),
      });
      const z = tensor([
        [1, 2],
        [Number.NaN, Number.POSITIVE_INFINITY],
        [3, 4],
      ]);
      const mask = tensor([true, false, true], [3], 'bool');
      q.quantize(z, { training: true, mask, extra: 7 } as object);
      q.quantize(z, { training: true, extra: 7 } as object);
      await Promise.all(reads);
      expect(seen).toContainEqual({ tokens: [1, 2, 0, 0, 3, 4], weights: [1, 0, 1] });
      expect(seen).toContainEqual({ tokens: [1, 2, Number.NaN, Number.POSITIVE_INFINITY, 3, 4], weights: undefined });
      q.dispose();
    });

    it('leaves nothing behind when it throws', () => {
      const q = createSign({ bits: 2 });
      const [z, mask] = [zeros([3, 2]), zeros([4], 'bool')];
      const before = memory().numTensors;
      expect(() => q.quantize(z, { mask })).toThrow();
      expect(() => q.encode(z, { mask })).toThrow();
      expect(() => q.decode(z)).toThrow();
      expect(() => q.loadStateDict({})).toThrow();
      expect(memory().numTensors).toBe(before);
      z.dispose();
      mask.dispose();
      q.dispose();
    });

    it('survives the tidy it is made in, and frees its variables once', () => {
      const before = memory().numTensors;
      const made: ReturnType<typeof createSign>[] = [];
      tidy(() => {
        made.push(createSign({ bits: 2 }));
        made[0]?.encode(zeros([1, 2]));
      });
      const q = made[0] as ReturnType<typeof createSign>;
      expect(memory().numTensors).toBe(before + 2);
      q.dispose();
      expect(memory().numTensors).toBe(before);
      expect(() => q.variables()).toThrow(DisposedError);
      expect(() => q.variables()).toThrow(
        'createSign().variables: the quantizer must not be disposed, got a disposed Sign. Create a new one.',
      );
    });
  });
});
