import { grad, memory, type Tensor, tensor, tensor1d, tensor2d, zeros } from '@tensorflow/tfjs-core';
import { createRng, OptionError, ShapeError } from '@vqkit/core-tensor';
import { eachEngine, expectClose, expectSame, gradientError, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { unitNormLoss } from '../src/index.ts';

eachEngine(() => {
  describe('unitNormLoss', () => {
    it('is mean((x² - 1)²), plain and by weight', async () => {
      const values = createRng(1).normalArray(12, 1);
      const terms = Array.from(values, (x) => (x * x - 1) ** 2);
      const x = tensor(values, [2, 3, 2]);
      await expectClose(unitNormLoss(x), [terms.reduce((a, b) => a + b, 0) / 12], tolerances.float32);
      const weights = [0.5, 0, 2, 1, 0, 0.25];
      const byWeight = terms.reduce((sum, term, i) => sum + ((weights[i >> 1] as number) * term) / 2, 0) / 3.75;
      await expectClose(unitNormLoss(x, { weights: tensor2d(weights, [2, 3]) }), [byWeight], tolerances.float32);
    });

    it('is mean((x² - s²)²/s²) at a scale s: 0 at ± s, and as steep near it whatever s is', async () => {
      const values = createRng(3).normalArray(12, 1);
      for (const scale of [0.25, 3]) {
        const terms = Array.from(values, (x) => (x * x - scale * scale) ** 2 / scale ** 2);
        const x = tensor(values, [6, 2]);
        await expectClose(unitNormLoss(x, { scale }), [terms.reduce((a, b) => a + b, 0) / 12], tolerances.float32);
        await expectSame(unitNormLoss(tensor1d([scale, -scale]), { scale }), [0]);
        const near = tensor1d([scale * 1.001]);
        await expectClose(unitNormLoss(near, { scale }), [4 * (scale * 0.001) ** 2], 2e-3);
      }
    });

    it('is 0 on the corners, with its gradient there and at 0', async () => {
      await expectSame(unitNormLoss(tensor2d([1, -1, -1, 1], [2, 2])), [0]);
      await expectSame(grad(unitNormLoss)(tensor2d([1, -1, 0, 0], [2, 2])), [0, 0, 0, 0]);
    });

    it('has the gradient of its value', async () => {
      const weights = tensor1d([1, 0.5, 0]);
      const f = (x: Tensor) => unitNormLoss(x, { weights });
      const x = tensor2d(createRng(2).normalArray(6, 1), [3, 2]);
      expect(await gradientError(f, x)).toBeLessThan(tolerances.finiteDifference);
    });

    it('ignores tokens of weight 0, and gives finite zeros for none', async () => {
      const x = tensor2d([2, 0, Number.NaN, Number.POSITIVE_INFINITY], [2, 2]);
      const f = (weights: number[]) => (z: Tensor) => unitNormLoss(z, { weights: tensor1d(weights) });
      await expectSame(f([1, 0])(x), [5]);
      await expectSame(grad(f([1, 0]))(x), [12, 0, 0, 0]);
      await expectSame(f([0, 0])(x), [0]);
      await expectSame(grad(f([0, 0]))(x), [0, 0, 0, 0]);
      await expectSame(unitNormLoss(zeros([0, 3])), [0]);
    });

    it('rejects scalars, weights of another shape and unknown options', () => {
      expect(() => unitNormLoss(zeros([]))).toThrow(ShapeError);
      expect(() => unitNormLoss(zeros([2, 3]), { weights: zeros([2, 3]) })).toThrow(
        /unitNormLoss: weights must have the shape of the tokens \[2\], got shape \[2,3\]/,
      );
      expect(() => unitNormLoss(zeros([2]), { scale: 0 })).toThrow(/scale must be a finite number > 0, got 0/);
      expect(() => unitNormLoss(zeros([2]), { mask: zeros([]) } as object)).toThrow(OptionError);
    });

    it('leaves nothing behind', () => {
      const x = zeros([2, 3]);
      const before = memory().numTensors;
      unitNormLoss(x).dispose();
      expect(memory().numTensors).toBe(before);
    });
  });
});
