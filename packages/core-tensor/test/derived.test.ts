import {
  add,
  dispose,
  memory,
  type Scalar,
  scalar,
  square,
  type Tensor,
  tidy,
  train,
  variable,
  variableGrads,
} from '@tensorflow/tfjs-core';
import { eachEngine, expectSame } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { derived } from '../src/derived.ts';

eachEngine(() => {
  describe('derived', () => {
    it('is computed once, and again after each assignment of one of its variables', async () => {
      const [a, b] = [variable(scalar(1)), variable(scalar(10))];
      let runs = 0;
      const total = derived([a, b], () => {
        runs++;
        return add(a, b);
      });
      await expectSame(total.get(), [11]);
      await expectSame(total.get(), [11]);
      expect(runs).toBe(1);
      a.assign(scalar(2));
      await expectSame(total.get(), [12]);
      b.assign(scalar(20));
      await expectSame(total.get(), [22]);
      // The same value again is another tensor: computed again, which costs time but is never wrong.
      b.assign(scalar(20));
      await expectSame(total.get(), [22]);
      expect(runs).toBe(4);
      total.dispose();
      a.dispose();
      b.dispose();
    });

    it('sees what every optimizer does', async () => {
      for (const optimizer of [train.sgd(0.1), train.momentum(0.1, 0.9), train.adam(0.1), train.adagrad(0.1)]) {
        const a: Tensor = variable(scalar(3));
        const doubled = derived([a as ReturnType<typeof variable>], () => add(a, a));
        for (let step = 0; step < 3; step++) {
          const cached = await doubled.get().data();
          await expectSame(cached, await add(a, a).data());
          optimizer.minimize(() => square(a) as Scalar);
        }
        await expectSame(doubled.get(), add(a, a));
        doubled.dispose();
        a.dispose();
        optimizer.dispose();
      }
    });

    it('outlives tidy, is a constant to gradients, and frees what it replaces', async () => {
      const a = variable(scalar(3));
      const before = memory().numTensors;
      const squared = derived([a], () => square(a));
      const plusOne = derived([a], () => add(squared.get(), 1), [squared]);
      tidy(() => plusOne.get());
      await expectSame(plusOne.get(), [10]);
      a.assign(tidy(() => scalar(4)));
      const { value, grads } = variableGrads(() => add(square(a), plusOne.get()) as Scalar, [a]);
      await expectSame(value, [33]);
      await expectSame(grads[a.name] as Tensor, [8]);
      dispose([value, grads]);
      expect(memory().numTensors).toBeLessThanOrEqual(before + 3);
      squared.dispose();
      plusOne.dispose();
      a.dispose();
    });

    it('never disposes a variable that it gives back as it is', async () => {
      const a = variable(scalar(3));
      const same = derived([a], () => a as Tensor);
      await expectSame(same.get(), [3]);
      same.dispose();
      await expectSame(a, [3]);
      a.dispose();
    });
  });
});
