import {
  add,
  grads,
  memory,
  mul,
  randomNormal,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
  tidy,
} from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { groupNorm } from '../../src/index.ts';

const EPSILON = 1e-5;

/** Value and gradient in float64, one group after the other. */
function bruteForce(x: ArrayLike<number>, dy: ArrayLike<number>, shape: readonly number[], groups: number) {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  const y = new Float64Array(x.length);
  const dx = new Float64Array(x.length);
  for (let n = 0; n < batch; n++) {
    for (let g = 0; g < groups; g++) {
      const at: number[] = [];
      for (let p = 0; p < height * width; p++) {
        for (let c = 0; c < channels / groups; c++) {
          at.push((n * height * width + p) * channels + (g * channels) / groups + c);
        }
      }
      const mean = (f: (i: number) => number): number => at.reduce((total, i) => total + f(i), 0) / at.length;
      const value = (i: number): number => x[i] as number;
      const center = mean(value);
      const scale = 1 / Math.sqrt(mean((i) => (value(i) - center) ** 2) + EPSILON);
      for (const i of at) y[i] = (value(i) - center) * scale;
      const meanDy = mean((i) => dy[i] as number);
      const meanDyY = mean((i) => (dy[i] as number) * (y[i] as number));
      for (const i of at) dx[i] = scale * ((dy[i] as number) - meanDy - (y[i] as number) * meanDyY);
    }
  }
  return { y, dx };
}

eachEngine((engine) => {
  describe('groupNorm', () => {
    for (const [shape, groups] of [
      [[3, 7, 7, 32], 4],
      [[2, 3, 5, 12], 4],
      [[2, 1, 1, 5], 1],
      [[1, 4, 3, 6], 6],
      [[2, 2, 2, 21], 3],
    ] as const) {
      it(`[${shape}] in ${groups} groups`, async () => {
        const x = randomNormal([...shape], 3, 2, 'float32', 1) as Tensor4D;
        const dy = randomNormal([...shape], 0, 1, 'float32', 2) as Tensor4D;
        const expected = bruteForce(await x.data(), await dy.data(), shape, groups);
        await expectClose(groupNorm(x, groups), expected.y, tolerances.float32);
        const [dx] = grads((t: Tensor) => sum(mul(groupNorm(t, groups), dy)))([x]);
        await expectClose(dx as Tensor, expected.dx, tolerances.float32);
      });
    }

    it('multiplies and adds a number of each channel', async () => {
      const shape = [2, 5, 3, 12] as const;
      const [x, dy] = [1, 2].map((seed) => randomNormal([...shape], 0, 1, 'float32', seed)) as [Tensor4D, Tensor4D];
      const [weight, bias] = [3, 4].map((seed) => randomNormal([12], 0, 1, 'float32', seed)) as [Tensor1D, Tensor1D];
      const slope = mul(dy, weight) as Tensor4D;
      const expected = bruteForce(await x.data(), await slope.data(), shape, 4);
      const run = (a: Tensor, w: Tensor, b: Tensor): Tensor =>
        groupNorm(a, 4, EPSILON, { weight: w as Tensor1D, bias: b as Tensor1D });
      const [w, b, g] = await Promise.all([weight.data(), bias.data(), dy.data()]);
      const at = (values: ArrayLike<number>, i: number): number => values[i % 12] as number;
      await expectClose(
        run(x, weight, bias),
        expected.y.map((v, i) => v * at(w, i) + at(b, i)),
        tolerances.float32,
      );
      const slopes = grads((...t: Tensor[]) => sum(mul(run(...(t as [Tensor, Tensor, Tensor])), dy)))([
        x,
        weight,
        bias,
      ]);
      const overPlaces = (of: (i: number) => number): Float64Array =>
        Float64Array.from({ length: 12 }, (_, c) =>
          Array.from({ length: x.size / 12 }, (_, p) => of(12 * p + c)).reduce((total, v) => total + v, 0),
        );
      await expectClose(slopes[0] as Tensor, expected.dx, tolerances.float32);
      await expectClose(
        slopes[1] as Tensor,
        overPlaces((i) => (g[i] as number) * (expected.y[i] as number)),
        tolerances.float32,
      );
      await expectClose(
        slopes[2] as Tensor,
        overPlaces((i) => g[i] as number),
        tolerances.float32,
      );
    });

    it('loses no digits of a small variance around a large mean', async () => {
      const shape = [1, 20, 20, 8] as const;
      const x = add(randomNormal([...shape], 0, 1, 'float32', 1), 1000) as Tensor4D;
      const dy = randomNormal([...shape], 0, 1, 'float32', 2) as Tensor4D;
      const expected = bruteForce(await x.data(), await dy.data(), shape, 2);
      // tfjs's own mean of 1,600 numbers near 1,000 is right to 1e-4 of a standard deviation.
      await expectClose(groupNorm(x, 2), expected.y, engine.includes('wasm') ? tolerances.float32 * 10 : 1e-3);
    });

    it('takes any rank >= 2', async () => {
      const x = randomNormal([5, 8], 0, 1, 'float32', 1);
      expect(groupNorm(x, 2).shape).toEqual([5, 8]);
    });

    it('leaks nothing', async () => {
      const x = randomNormal([2, 3, 3, 8], 0, 1, 'float32', 1);
      const before = memory().numTensors;
      tidy(() => {
        grads((t: Tensor) => sum(groupNorm(t, 4)))([x]);
      });
      expect(memory().numTensors).toBe(before);
    });

    it('explains bad arguments', () => {
      const x = randomNormal([2, 3, 3, 8]);
      expect(() => groupNorm(x, 3)).toThrow(
        'groupNorm: x must be [batch, …, C] with C a multiple of groups = 3, got shape [2,3,3,8]. Use a divisor of the last axis.',
      );
      expect(() => groupNorm(x, 0)).toThrow('groupNorm: groups must be an integer >= 1, got 0. Use 1 or more.');
      expect(() => groupNorm(x, 2, -1)).toThrow(
        'groupNorm: epsilon must be a number >= 0, got -1. Use for example 1e-5.',
      );
    });
  });
});
