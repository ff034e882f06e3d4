import {
  add,
  argMax,
  gather,
  grad,
  grads,
  memory,
  mul,
  type Scalar,
  square,
  sum,
  type Tensor,
  tensor1d,
  tensor2d,
  zeros,
} from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, expectSame, gradientError, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createRng, stopGradient, weightedMean, weightedMse, withoutGradient } from '../src/index.ts';

eachEngine(() => {
  describe('stopGradient', () => {
    it('has the value of x and no gradient', async () => {
      const x = tensor1d([3, -2]);
      await expectSame(stopGradient(x), x);
      await expectSame(grad((v: Tensor) => mul(v, stopGradient(v)))(x), [3, -2]);
      await expectSame(grad((v: Tensor) => stopGradient(square(v)))(x), [0, 0]);
    });

    it('leaks nothing', () => {
      const x = tensor1d([1, 2]);
      const step = (): void => {
        grad((v: Tensor) => mul(v, stopGradient(v)))(x).dispose();
        stopGradient(x).dispose();
      };
      step();
      const before = memory().numTensors;
      for (let i = 0; i < 20; i++) step();
      expect(memory().numTensors).toBe(before);
      x.dispose();
    });
  });

  describe('withoutGradient', () => {
    it('makes integers that a differentiated gather can take', async () => {
      const scores = tensor2d([
        [1, 5, 2],
        [7, 0, 1],
      ]);
      const codebook = tensor2d([
        [1, 2],
        [3, 4],
        [5, 6],
      ]);
      const f = (s: Tensor, c: Tensor): Tensor => {
        const nearest = withoutGradient(() => argMax(s, 1));
        return add(sum(gather(c, nearest)), sum(s));
      };
      const [ds, dc] = grads(f)([scores, codebook]);
      await expectSame(ds as Tensor, new Array(6).fill(1));
      await expectSame(dc as Tensor, [1, 1, 1, 1, 0, 0]);
    });

    it('disposes its intermediates and records nothing on the tape', () => {
      const x = tensor1d([1, 2, 3]);
      const before = memory().numTensors;
      const result = withoutGradient(() => square(square(square(x))));
      expect(memory().numTensors).toBe(before + 1);
      result.dispose();
      expect(() => grad((v: Tensor) => withoutGradient(() => square(v)))(x)).toThrow(/Cannot compute gradient/);
      x.dispose();
    });
  });

  describe('weightedMean', () => {
    const values = [1, 2, 9];

    it('is Σ w v / Σ w', async () => {
      await expectClose(weightedMean(tensor1d(values), undefined), [4], tolerances.float32);
      await expectClose(weightedMean(tensor1d(values), tensor1d([1, 1, 0])), [1.5], tolerances.float32);
      await expectClose(weightedMean(tensor1d(values), tensor1d([0.25, 0, 0.5])), [4.75 / 0.75], tolerances.float32);
    });

    it('is 0 with a gradient of 0 when no token counts', async () => {
      await expectSame(weightedMean(tensor1d(values), zeros([3])), [0]);
      const d = grad((v: Tensor) => weightedMean(v as never, zeros([3])))(tensor1d(values));
      await expectSame(d, [0, 0, 0]);
    });

    it('leaves no intermediate behind, nor does weightedMse', () => {
      const [v, w, m] = [tensor1d(values), tensor1d([1, 0, 1]), zeros([3, 2])];
      const before = memory().numTensors;
      const means = [
        weightedMean(v, w),
        weightedMean(v, undefined),
        weightedMse(m, m, w),
        weightedMse(m, m, undefined),
      ];
      expect(memory().numTensors).toBe(before + 4);
      for (const t of [v, w, m, ...means]) t.dispose();
    });

    it('sends w / Σ w to the values', async () => {
      const d = grad((v: Tensor) => weightedMean(v as never, tensor1d([1, 0, 3])))(tensor1d(values));
      await expectClose(d, [0.25, 0, 0.75], tolerances.float32);
    });
  });

  describe('weightedMse', () => {
    it('is the mean over all elements of the tokens that count', async () => {
      const [a, b] = [
        tensor2d([
          [1, 3],
          [5, 5],
        ]),
        tensor2d([
          [0, 0],
          [5, 1],
        ]),
      ];
      await expectClose(weightedMse(a, b, undefined), [(1 + 9 + 0 + 16) / 4], tolerances.float32);
      await expectClose(weightedMse(a, b, tensor1d([1, 0])), [5], tolerances.float32);
      await expectSame(weightedMse(a, b, tensor1d([0, 0])), [0]);
    });

    it('has the gradient that finite differences give', async () => {
      const rng = createRng(1);
      const b = tensor2d(rng.normalArray(12, 1), [4, 3]);
      const weights = tensor1d([1, 0, 1, 1]);
      const x = tensor2d(rng.normalArray(12, 1), [4, 3]);
      const left = await gradientError((v) => weightedMse(v, b, weights) as Scalar, x);
      const right = await gradientError((v) => weightedMse(b, v, weights) as Scalar, x);
      expect(left).toBeLessThan(tolerances.finiteDifference);
      expect(right).toBeLessThan(tolerances.finiteDifference);
    });
  });
});
