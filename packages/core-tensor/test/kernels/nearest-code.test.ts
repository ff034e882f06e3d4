import { memory, profile, slice, type Tensor1D, type Tensor2D, tensor1d, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { eachEngine, expectSame, tolerances } from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng, type NearestCodeInputs, nearestCode } from '../../src/index.ts';
import { NearestCode } from '../../src/kernels/nearest-code.ts';

interface Problem {
  readonly n: number;
  readonly k: number;
  readonly f: number;
  readonly x: Float32Array;
  readonly keys: Float32Array;
  readonly bias: Float32Array;
}

/** -|key|²/2 as bias: the nearest code by Euclidean distance. */
function euclidean(n: number, k: number, f: number, x: Float32Array, keys: Float32Array): Problem {
  const bias = Float32Array.from({ length: k }, (_, i) => {
    let square = 0;
    for (let j = 0; j < f; j++) square += (keys[i * f + j] as number) ** 2;
    return -square / 2;
  });
  return { n, k, f, x, keys, bias };
}

function gaussian(n: number, k: number, f: number, seed: number): Problem {
  const rng = createRng(seed);
  return euclidean(n, k, f, rng.normalArray(n * f, 1), rng.normalArray(k * f, 1));
}

/** Whole numbers so small that every score is exact in float32, with many equal ones. */
function wholeNumbers(n: number, k: number, f: number, seed: number): Problem {
  const rng = createRng(seed);
  const some = (count: number): Float32Array => Float32Array.from({ length: count }, () => rng.integer(3) * 2 - 2);
  return euclidean(n, k, f, some(n * f), some(k * f));
}

function inputs({ n, k, f, x, keys, bias }: Problem): NearestCodeInputs {
  return { x: tensor2d(x, [n, f]), keys: tensor2d(keys, [k, f]), bias: tensor1d(bias) };
}

/** Score of every code for row i in float64. */
function scoresOf({ k, f, x, keys, bias }: Problem, i: number): number[] {
  return Array.from({ length: k }, (_, c) => {
    let score = bias[c] as number;
    for (let j = 0; j < f; j++) score += (x[i * f + j] as number) * (keys[c * f + j] as number);
    return score;
  });
}

const highest = (scores: readonly number[]): number => scores.reduce((a, b) => Math.max(a, b));

/** Enough codes for a second tile of codes. */
const TWO_TILES = 20_000;

eachEngine(() => {
  describe('nearestCode', () => {
    for (const [n, k, f] of [
      [1, 1, 1],
      [7, 3, 2],
      [40, 257, 5],
      [1100, 1000, 8],
      [5, TWO_TILES, 3],
    ] as const) {
      it(`finds the best of ${k} codes for ${n} rows of ${f} features`, async () => {
        const problem = gaussian(n, k, f, 10 * k + f);
        const data = inputs(problem);
        const indices = await nearestCode(data).data();
        for (let i = 0; i < n; i++) {
          const scores = scoresOf(problem, i);
          const top = highest(scores);
          const scale = Math.max(1, Math.abs(top));
          // Another index than in float64 only where float32 cannot tell the two scores apart.
          expect(top - (scores[indices[i] as number] as number)).toBeLessThan(tolerances.float32 * scale);
        }
      });
    }

    it('takes the lowest index of equal scores', () =>
      fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 12 }),
          fc.integer({ min: 1, max: 700 }),
          fc.integer({ min: 1, max: 4 }),
          fc.integer({ min: 0, max: 2 ** 31 }),
          async (n, k, f, seed) => {
            const problem = wholeNumbers(n, k, f, seed);
            const expected = Array.from({ length: n }, (_, i) => {
              const scores = scoresOf(problem, i);
              return scores.indexOf(highest(scores));
            });
            await expectSame(nearestCode(inputs(problem)), expected);
          },
        ),
        { numRuns: 60, seed: 1 },
      ));

    it('takes the lowest index when the equal codes lie in different tiles', async () => {
      const keys = new Float32Array(TWO_TILES);
      for (const place of [17_777, 300, 19_999]) keys[place] = 1;
      const problem = euclidean(2, TWO_TILES, 1, Float32Array.of(1, -1), keys);
      await expectSame(nearestCode(inputs(problem)), [300, 0]);
    });

    it('gives a row the same index alone and among others', async () => {
      const { x, keys, bias } = inputs(gaussian(300, 130, 9, 4));
      const all = await nearestCode({ x, keys, bias }).data();
      for (const i of [0, 1, 150, 299])
        await expectSame(nearestCode({ x: slice(x, [i, 0], [1, 9]), keys, bias }), [all[i] as number]);
    });

    it('gives index 0 to rows that are not finite or too large, and leaves the others alone', async () => {
      const problem = gaussian(8, 40, 3, 5);
      const clean = await nearestCode(inputs(problem)).data();
      for (const [row, value] of [
        [1, Number.NaN],
        [3, Number.POSITIVE_INFINITY],
        [4, Number.NEGATIVE_INFINITY],
        [6, 2 ** 56],
      ] as const)
        problem.x[row * 3 + 1] = value;
      const bad = [1, 3, 4, 6];
      await expectSame(
        nearestCode(inputs(problem)),
        Array.from(clean, (index, i) => (bad.includes(i) ? 0 : index)),
      );
    });

    it('never chooses a code that is not finite; index 0 when all are such', async () => {
      const x = tensor2d([
        [1, 1],
        [-3, 2],
      ]);
      const biasOfNone: Tensor1D = tensor1d([0, 0, 0]);
      const some: Tensor2D = tensor2d([
        [Number.NaN, 9],
        [0.5, 0.5],
        [1, Number.POSITIVE_INFINITY],
      ]);
      await expectSame(nearestCode({ x, keys: some, bias: biasOfNone }), [1, 1]);
      const finite: Tensor2D = tensor2d([
        [9, 9],
        [0.5, 0.5],
        [-1, 1],
      ]);
      await expectSame(nearestCode({ x, keys: finite, bias: tensor1d([Number.NaN, 0, 0]) }), [1, 2]);
      const none: Tensor2D = tensor2d([
        [Number.NaN, 9],
        [2 ** 57, 1],
        [1, Number.POSITIVE_INFINITY],
      ]);
      await expectSame(nearestCode({ x, keys: none, bias: biasOfNone }), [0, 0]);
    });

    it('gives what its reference gives', async () => {
      for (const [n, k, f] of [
        [30, 50, 4],
        [3, TWO_TILES, 2],
      ] as const) {
        const data = inputs(wholeNumbers(n, k, f, 9));
        await expectSame(
          nearestCode(data),
          tidy(() => NearestCode.reference(data, {})[0]),
        );
      }
    });

    it('never holds the N x K scores, and leaks nothing', async () => {
      const data = inputs(gaussian(2048, 8192, 2, 7));
      const before = memory().numTensors;
      const { peakBytes, newBytes } = await profile(() => nearestCode(data));
      expect(newBytes).toBe(4 * 2048);
      expect(peakBytes - memory().numBytes, 'the scores would be 64 MiB').toBeLessThan(2 ** 25);
      expect(memory().numTensors).toBe(before + 1);
    });
  });
});
