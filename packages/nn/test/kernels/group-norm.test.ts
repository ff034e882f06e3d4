import { grads, memory, mul, randomNormal, sum, type Tensor, type Tensor4D, tidy } from '@tensorflow/tfjs-core';
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

eachEngine(() => {
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
