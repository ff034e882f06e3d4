import { grad, memory, mul, sum, type Tensor, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, expectIdentical, subnormalsAreZero, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createRng, softClamp } from '../../src/index.ts';

eachEngine((engine) => {
  describe('softClamp', () => {
    it('is v tanh(x / v), every digit of numbers of any size', async () => {
      for (const limits of [[1.5], [8 / 7, 1.25, 3]]) {
        const sizes = Float32Array.from({ length: 300 }, (_, i) => 10 ** (-30 + (i % 75) / 2) * (1 + i / 400));
        const values = sizes.map((value, i) => (i % 2 === 0 ? value : -value));
        const found = await softClamp(tensor2d(values, [100, 3]), limits).data();
        for (const [k, x] of values.entries()) {
          const v = Math.fround(limits[(k % 3) % limits.length] as number);
          const expected = v * Math.tanh(x / v);
          expect(Math.abs((found[k] as number) - expected)).toBeLessThanOrEqual(
            tolerances.float32 * Math.abs(expected),
          );
        }
      }
    });

    it('takes the infinities to ±v, and keeps NaN, 0 and -0', async () => {
      const x = tensor2d([Infinity, -Infinity, Number.NaN, 0, -0, 100, -1e30, 50], [2, 4]);
      const clamped = softClamp(x, [2]);
      await expectIdentical(clamped, [2, -2, Number.NaN, 0, -0, 2, -2, 2]);
      if (!subnormalsAreZero(engine))
        await expectIdentical(softClamp(tensor2d([[1e-45, -1e-40]]), [1]), [1e-45, -1e-40].map(Math.fround));
    });

    it('gives the same bits for any number of rows', async () => {
      const values = createRng(4).normalArray(15, 2);
      const limits = [1, 1.25, 1.5];
      const whole = await softClamp(tensor2d(values, [5, 3]), limits).data();
      for (let n = 1; n < 5; n++) {
        await expectIdentical(softClamp(tensor2d(values.slice(0, 3 * n), [n, 3]), limits), whole.slice(0, 3 * n));
      }
    });

    it('has the gradient 1 - tanh²(x / v)', async () => {
      const limits = [0.75, 2];
      const values = createRng(1).normalArray(42, 1.5);
      const weights = createRng(2).normalArray(42, 1);
      const f = (x: Tensor): Tensor => sum(mul(softClamp(x as Tensor2D, limits), tensor2d(weights, [21, 2])));
      const expected = [...values].map((x, k) => {
        return (weights[k] as number) * (1 - Math.tanh(x / (limits[k % 2] as number)) ** 2);
      });
      await expectClose(grad(f)(tensor2d(values, [21, 2])), expected, tolerances.float32);
    });

    it('leaves nothing behind', () => {
      const x = tensor2d(createRng(1).normalArray(9, 1), [3, 3]);
      const before = memory().numTensors;
      for (let i = 0; i < 5; i++) {
        softClamp(x, [1]).dispose();
        grad((y: Tensor) => sum(softClamp(y as Tensor2D, [1])))(x).dispose();
      }
      expect(memory().numTensors).toBe(before);
      x.dispose();
    });
  });
});
