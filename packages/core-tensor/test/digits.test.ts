import { tensor1d } from '@tensorflow/tfjs-core';
import { eachEngine, expectSame } from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng, mixedRadixDigits } from '../src/index.ts';

/** The digits by BigInt, least significant first. */
function digitsOf(index: number, levels: readonly number[]): number[] {
  let rest = BigInt(index);
  return levels.map((level) => {
    const digit = rest % BigInt(level);
    rest /= BigInt(level);
    return Number(digit);
  });
}

async function expectDigits(indices: number[], levels: readonly number[]): Promise<void> {
  const digits = mixedRadixDigits(tensor1d(indices, 'int32'), levels);
  expect(digits.dtype).toBe('int32');
  expect(digits.shape).toEqual([indices.length, levels.length]);
  await expectSame(
    digits,
    indices.flatMap((index) => digitsOf(index, levels)),
  );
  digits.dispose();
}

eachEngine(() => {
  describe('mixedRadixDigits', () => {
    it('puts the least significant digit first', () => expectDigits([0, 1, 2, 7, 29], [2, 3, 5]));

    it('is exact up to 2^31 - 1, next to every multiple and in between', async () => {
      const cases = [
        [2 ** 24, 127],
        [2 ** 24 - 1, 128],
        [46340, 46341],
        [3, 46340, 15447],
        new Array(30).fill(2),
        [16, 16, 16, 16, 16, 16, 16, 7],
        [7, 16, 16, 16, 16, 16, 16, 16],
        [1, 2147483, 1, 1000],
        [8, 5, 5, 5],
      ];
      const rng = createRng(1);
      for (const levels of cases) {
        const size = levels.reduce((a, b) => a * b, 1);
        expect(size).toBeLessThanOrEqual(2 ** 31 - 1);
        const indices = [0, 1, size - 1, size - 2, Math.min(2 ** 24 + 1, size - 1)];
        let basis = 1;
        for (const level of levels) {
          basis *= level;
          for (let k = 0; k < 40; k++) {
            const multiple = basis * rng.integer(Math.max(1, Math.ceil(size / basis)));
            indices.push(multiple - 1, multiple, multiple + 1);
          }
        }
        for (let k = 0; k < 500; k++) indices.push(rng.integer(size));
        await expectDigits(
          indices.filter((index) => index >= 0 && index < size),
          levels,
        );
      }
    });

    it('is right for random radices', () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 6 }),
          fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 20 }),
          async (drawn, shares) => {
            let size = 1;
            const levels = drawn.filter((level) => {
              if (size * level > 2 ** 31 - 1) return false;
              size *= level;
              return true;
            });
            await expectDigits(
              shares.map((share) => Math.floor(share * size)),
              levels,
            );
          },
        ),
        { seed: 1, numRuns: 50 },
      ));
  });
});
