import { grad, memory, mul, square, type Tensor, tensor1d } from '@tensorflow/tfjs-core';
import { eachEngine, expectSame } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { stopGradient } from '../../src/index.ts';

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
});
