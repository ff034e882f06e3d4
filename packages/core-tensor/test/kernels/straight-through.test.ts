import { cast, grad, greater, memory, mul, type Tensor, tensor1d, tensor2d } from '@tensorflow/tfjs-core';
import { eachEngine, expectIdentical, expectSame } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createRng, ShapeError, straightThrough } from '../../src/index.ts';

eachEngine(() => {
  describe('straightThrough', () => {
    it('has the value of q bit for bit, where x + (q - x) in float32 has not', async () => {
      const rng = createRng(1);
      const [xs, qs] = [rng.normalArray(1000, 1e4), rng.normalArray(1000, 1)];
      const naive = xs.filter((x, i) => Math.fround(x + Math.fround((qs[i] as number) - x)) !== qs[i]);
      expect(naive.length).toBeGreaterThan(900);
      await expectIdentical(straightThrough(tensor1d(xs), tensor1d(qs)), qs);
      const special = [Number.NaN, Number.POSITIVE_INFINITY, -0, 0, 1e-45, 3.4028234663852886e38];
      await expectIdentical(
        straightThrough(tensor1d(special.map(() => Number.NaN)), tensor1d(special)),
        special.map(Math.fround),
      );
    });

    it('sends the gradient to x unchanged and none to q, which may have no gradient function', async () => {
      const weights = tensor1d([3, -1, 0.5]);
      const x = tensor1d([1, -2, 3]);
      const signs = (v: Tensor): Tensor => cast(greater(v, 0), 'float32');
      await expectSame(grad((v: Tensor) => mul(straightThrough(v, signs(v)), weights))(x), weights);
      // Were q differentiable too, 2 would come out.
      await expectSame(grad((v: Tensor) => straightThrough(v, mul(v, 1)))(x), [1, 1, 1]);
      const bad = tensor1d([1e30, Number.NaN, Number.POSITIVE_INFINITY]);
      await expectSame(grad((v: Tensor) => mul(straightThrough(v, bad), weights))(x), weights);
    });

    it('rejects shapes that differ', () => {
      const call = (): unknown => straightThrough<Tensor>(tensor1d([1, 2]), tensor2d([[1, 2]]));
      expect(call).toThrow(ShapeError);
      expect(call).toThrow('straightThrough: q must have the shape of x [2], got shape [1,2]. Reshape one of them.');
    });

    it('leaks nothing', () => {
      const [x, q] = [tensor1d([1]), tensor1d([2])];
      const before = memory().numTensors;
      straightThrough(x, q).dispose();
      grad((v: Tensor) => straightThrough(v, q as Tensor))(x).dispose();
      expect(memory().numTensors).toBe(before);
      x.dispose();
      q.dispose();
    });
  });
});
