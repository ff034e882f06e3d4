import {
  fill,
  grad,
  memory,
  mul,
  ones,
  square,
  type Tensor,
  tensor,
  tensor1d,
  tensor2d,
  mean as tfjsMean,
  sum as tfjsSum,
  zeros,
} from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, expectIdentical, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createRng, mean as ownMean, sum as ownSum } from '../../src/index.ts';

eachEngine(() => {
  describe('ReduceSum and ReduceMean', () => {
    it('are the sums in float64 and their shares, along any axes', async () => {
      const [a, b, c] = [33, 7, 16];
      const values = createRng(1).normalArray(a * b * c, 1);
      const x = tensor(values, [a, b, c]);
      for (const axis of [undefined, 0, 1, -1, [0, 1], [2, 0], []]) {
        const axes = axis === undefined ? [0, 1, 2] : [axis].flat().map((own) => (own + 3) % 3);
        const keep = [a, b, c].map((size, i) => (axes.includes(i) ? 1 : size));
        const expected = new Float64Array(keep.reduce((product, size) => product * size, 1));
        for (const [at, value] of values.entries()) {
          const place = [Math.floor(at / (b * c)), Math.floor(at / c) % b, at % c];
          const to = place.reduce((flat, own, i) => flat * (keep[i] as number) + (axes.includes(i) ? 0 : own), 0);
          expected[to] = (expected[to] as number) + value;
        }
        const terms = (a * b * c) / expected.length;
        for (const keepDims of [false, true]) {
          const total = ownSum(x, axis, keepDims);
          expect(total.shape).toEqual(keepDims ? keep : [a, b, c].filter((_, i) => !axes.includes(i)));
          await expectClose(total, expected, tolerances.float32);
          const shares = expected.map((own) => own / terms);
          await expectClose(ownMean(x, axis, keepDims), shares, tolerances.float32);
        }
      }
    });

    it('of integers and of nothing are those of tfjs', async () => {
      await expectIdentical(ownSum(ones([5, 4], 'int32'), 0), [5, 5, 5, 5]);
      await expectIdentical(ownMean(ones([5, 4], 'int32')), [1]);
      await expectIdentical(ownSum(zeros([0, 4]), 0), [0, 0, 0, 0]);
      expect(ownSum(zeros([3, 0]), 0).shape).toEqual([0]);
    });
  });

  for (const [names, sum, mean] of [
    ['ReduceSum and ReduceMean', ownSum, ownMean],
    ["tfjs's Sum and Mean", tfjsSum, tfjsMean],
  ] as const) {
    describe(`the gradients of ${names}`, () => {
      const x = (): Tensor => tensor([3, -2, 5, 1, 0, 7], [2, 3]);
      const [a, b, c] = [0.7, -1.3, 2.9].map(Math.fround) as [number, number, number];

      it('give every term what its sum has, and its share of what its mean has', async () => {
        const terms = tensor1d([a, b]);
        await expectIdentical(grad((v: Tensor) => mul(sum(v), a))(x()), [a, a, a, a, a, a]);
        await expectIdentical(grad((v: Tensor) => sum(mul(sum(v, 1), terms)))(x()), [a, a, a, b, b, b]);
        const columns = tensor2d([[a, b, c]]);
        await expectIdentical(grad((v: Tensor) => sum(mul(sum(v, 0, true), columns)))(x()), [a, b, c, a, b, c]);
        const [third, other] = [a, b].map((value) => Math.fround(value / 3)) as [number, number];
        const thirds = [third, third, third, other, other, other];
        // A graphics processor's division may be off by some ulp.
        await expectClose(grad((v: Tensor) => sum(mul(mean(v, -1), terms)))(x()), thirds, 2 * tolerances.rounding);
        await expectIdentical(grad((v: Tensor) => mul(mean(v), 3))(x()), [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
      });

      it('can be differentiated again', async () => {
        const cube = (v: Tensor): Tensor => sum(mul(v, square(v)));
        await expectIdentical(grad((v: Tensor) => sum(grad(cube)(v)))(x()), [18, -12, 30, 6, 0, 42]);
        // d²/dx² of (Σ x)² / 2 is 1 everywhere, six times over.
        const half = (v: Tensor): Tensor => mul(square(sum(v)), 0.5);
        await expectIdentical(grad((v: Tensor) => sum(grad(half)(v)))(x()), new Array(6).fill(6));
      });

      it('fill tensors of any size, whole vectors or not', async () => {
        for (const size of [1, 3, 4, 4095, 4097, 10_001]) {
          const ones = grad((v: Tensor) => mul(sum(v), a))(fill([size], 2));
          await expectIdentical(ones, new Array(size).fill(a));
        }
      });

      it('leave nothing behind', () => {
        const input = x();
        const step = (): void => grad((v: Tensor) => mul(sum(v), mean(v)))(input).dispose();
        step();
        const before = memory().numTensors;
        for (let i = 0; i < 5; i++) step();
        expect(memory().numTensors).toBe(before);
      });
    });
  }
});
