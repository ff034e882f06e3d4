import {
  add,
  argMax,
  gather,
  grad,
  grads,
  memory,
  mul,
  square,
  sum,
  type Tensor,
  tensor1d,
  tensor2d,
  tidy,
} from '@tensorflow/tfjs-core';
import { eachEngine, expectSame } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { detach, withoutGradient } from '../src/index.ts';

eachEngine(() => {
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

  describe('detach', () => {
    it('has the values, shape and type of x and no gradient', async () => {
      const x = tensor2d([[3, -2]]);
      const y = detach(x);
      expect([y.shape, y.dtype]).toEqual([[1, 2], 'float32']);
      await expectSame(y, x);
      await expectSame(grad((v: Tensor) => sum(mul(v, detach(v))))(x), [3, -2]);
      await expectSame(detach(tensor1d([1, 2], 'int32')), [1, 2]);
    });

    it('shares the data, which stay until both are disposed', async () => {
      const before = memory();
      const x = tensor1d([1, 2, 3]);
      const y = detach(x);
      expect(memory().numDataBuffers).toBe(before.numDataBuffers + 1);
      x.dispose();
      await expectSame(y, [1, 2, 3]);
      y.dispose();
      expect(memory()).toMatchObject({ numTensors: before.numTensors, numDataBuffers: before.numDataBuffers });
    });

    it('is disposed by the tidy around it', async () => {
      const x = tensor1d([1, 2, 3]);
      const before = memory().numTensors;
      tidy(() => void detach(x));
      expect(memory().numTensors).toBe(before);
      await expectSame(x, [1, 2, 3]);
      x.dispose();
    });
  });
});
