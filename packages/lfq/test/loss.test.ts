import { memory, tensor1d, tidy, zeros } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { eachEngine, expectSame, spreadIt } from '@vqkit/testing';
import { describe, expect } from 'vitest';
import { randomShare } from '../src/loss.ts';

const ones = (weights: ArrayLike<number>): number => Array.from(weights).reduce((a, b) => a + b, 0);

eachEngine((engine) => {
  const it = spreadIt(engine);
  describe('randomShare', () => {
    for (const [n, share, kept] of [
      [10, 0.5, 5],
      [10, 0.25, 2],
      [10, 1, 10],
      [5, 0.1, 1],
      [1, 0.01, 1],
    ] as const) {
      it(`keeps ${kept} of ${n} tokens for a share of ${share}, with a mask of ones too`, async () => {
        const plain = await randomShare(undefined, n, share, createRng(1)).data();
        expect(ones(plain)).toBe(kept);
        const masked = randomShare(tensor1d(new Array(n).fill(1)), n, share, createRng(1));
        await expectSame(masked, plain);
      });
    }

    it('keeps real tokens only, at least one, and none where there is none', async () => {
      const real = [0, 1, 0, 0, 1, 1, 0, 0, 1, 0];
      for (let seed = 0; seed < 20; seed++) {
        for (const [share, kept] of [
          [0.5, 2],
          [0.01, 1],
          [1, 4],
        ] as const) {
          const weights = await randomShare(tensor1d(real), 10, share, createRng(seed)).data();
          expect(ones(weights)).toBe(kept);
          weights.forEach((weight, i) => {
            expect(weight).toBeLessThanOrEqual(real[i] as number);
          });
        }
        await expectSame(randomShare(zeros([10]), 10, 0.5, createRng(seed)), new Array(10).fill(0));
      }
    });

    it('keeps every token equally often', async () => {
      const rng = createRng(7);
      const counts = new Array<number>(6).fill(0);
      const real = tensor1d([1, 1, 0, 1, 1, 1]);
      for (let i = 0; i < 600; i++) {
        const weights = await tidy(() => randomShare(real, 6, 0.4, rng)).data();
        weights.forEach((weight, token) => {
          counts[token] = (counts[token] as number) + weight;
        });
      }
      expect(counts[2]).toBe(0);
      // Two of five tokens in each of 600 draws: 240 each, standard deviation 12.
      for (const token of [0, 1, 3, 4, 5]) expect(Math.abs((counts[token] as number) - 240)).toBeLessThan(5 * 12);
    });

    it('leaves nothing behind in a tidy', () => {
      const real = tensor1d([1, 0, 1]);
      const before = memory().numTensors;
      tidy(() => {
        randomShare(real, 3, 0.5, createRng(1));
      });
      expect(memory().numTensors).toBe(before);
    });
  });
});
