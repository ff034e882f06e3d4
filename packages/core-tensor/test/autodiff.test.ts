import {
  add,
  argMax,
  gather,
  grad,
  grads,
  memory,
  square,
  sum,
  type Tensor,
  tensor1d,
  tensor2d,
} from '@tensorflow/tfjs-core';
import { eachEngine, expectSame } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { withoutGradient } from '../src/index.ts';

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
});
