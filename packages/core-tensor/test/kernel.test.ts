import {
  add,
  cast,
  getBackend,
  getKernel,
  grad,
  grads,
  memory,
  mul,
  registerKernel,
  scalar,
  sign,
  sub,
  sum,
  type Tensor,
  tensor1d,
  tidy,
  unregisterKernel,
  variable,
} from '@tensorflow/tfjs-core';
import { eachEngine, expectSame } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { defineKernel, kernelReport, provideKernel } from '../src/index.ts';

/** Two inputs, one attribute, two outputs, everything saved: what a kernel can have. */
const ScaledSums = defineKernel<{ a: Tensor; b: Tensor }, { scale: number }, [total: Tensor, difference: Tensor]>({
  name: 'TestScaledSums',
  reference: ({ a, b }, { scale }) => [mul(add(a, b), scale), mul(sub(a, b), scale)],
  inputsToSave: ['b'],
  outputsToSave: [true, false],
  gradient: ([dTotal, dDifference], [b, total], { scale }) => ({
    a: () => mul(add(dTotal as Tensor, dDifference as Tensor), scale),
    // Not the true gradient: it shows which tensors were saved, and in which order.
    b: () => add(mul(b as Tensor, 1000), total as Tensor),
  }),
});

/** A value with a gradient, and two constants. */
const SquareAndConstants = defineKernel<{ x: Tensor }, { scale: number }, [square: Tensor, sign: Tensor, ids: Tensor]>({
  name: 'TestSquareAndConstants',
  reference: ({ x }, { scale }) => [mul(mul(x, x), scale), sign(x), cast(x, 'int32')],
  onlyFirstHasGradient: true,
  inputsToSave: ['x'],
  gradient: (dys, [x], { scale }) => {
    expect(dys.length).toBe(1);
    return { x: () => mul(mul(dys[0] as Tensor, 2 * scale), x as Tensor) };
  },
});

const NoGradient = defineKernel<{ x: Tensor }, Record<string, never>, [Tensor]>({
  name: 'TestNoGradient',
  reference: ({ x }) => [add(x, 1)],
});

eachEngine(() => {
  const [a, b] = [() => tensor1d([1, 2]), () => tensor1d([10, 20])];

  describe('defineKernel', () => {
    it('runs its reference where the engine has no kernel of its own', async () => {
      const [total, difference] = ScaledSums({ a: a(), b: b() }, { scale: 2 });
      await expectSame(total, [22, 44]);
      await expectSame(difference, [-18, -36]);
      expect(ScaledSums.kernelName).toBe('TestScaledSums');
      const [again] = ScaledSums.reference({ a: a(), b: b() }, { scale: 3 });
      await expectSame(again, [33, 66]);
    });

    it('gives its gradient the gradients of all outputs, the saved tensors and the attributes', async () => {
      const f = (x: Tensor, y: Tensor): Tensor => {
        const [total, difference] = ScaledSums({ a: x, b: y }, { scale: 2 });
        return add(sum(mul(total, 3)), sum(mul(difference, 5)));
      };
      const [da, db] = grads(f)([a(), b()]);
      await expectSame(da as Tensor, [16, 16]);
      await expectSame(db as Tensor, [10_022, 20_044]);
    });

    it('gives zeros for an output that the result does not depend on', async () => {
      const da = grad((x: Tensor) => sum(ScaledSums({ a: x, b: b() }, { scale: 2 })[0]))(a());
      await expectSame(da, [2, 2]);
    });

    it('takes all outputs but the first for constants where it is told so', async () => {
      const x = tensor1d([3, -2]);
      const [square, signs, ids] = SquareAndConstants({ x }, { scale: 0.5 });
      await expectSame(square, [4.5, 2]);
      await expectSame(signs, [1, -1]);
      await expectSame(ids, [3, -2]);
      expect(ids.dtype).toBe('int32');
      const f = (v: Tensor): Tensor => {
        const [value, constant] = SquareAndConstants({ x: v }, { scale: 0.5 });
        return sum(mul(mul(value, constant), 10));
      };
      await expectSame(grad(f)(x), [30, 20]);
      await expectSame(grad((v: Tensor) => sum(grad(f)(v)))(x), [10, -10]);
      expect(() => grad((v: Tensor) => sum(SquareAndConstants({ x: v }, { scale: 1 })[1]))(x)).toThrow();
    });

    it('leaks nothing of them, inside a tidy or not', () => {
      const x = tensor1d([3, -2]);
      const f = (v: Tensor): Tensor => SquareAndConstants({ x: v }, { scale: 2 })[0];
      const before = memory().numTensors;
      for (let i = 0; i < 5; i++) {
        for (const output of SquareAndConstants({ x }, { scale: 2 })) output.dispose();
        tidy(() => SquareAndConstants({ x }, { scale: 2 }).length);
        grad((v: Tensor) => sum(f(v)))(x).dispose();
      }
      expect(memory().numTensors).toBe(before);
    });

    it('differentiates with respect to variables', async () => {
      const v = variable(a());
      const [dv] = grads((x: Tensor) => sum(ScaledSums({ a: x, b: b() }, { scale: 2 })[1]))([v]);
      await expectSame(dv as Tensor, [2, 2]);
      v.dispose();
    });

    it('says so when a kernel has no gradient', () => {
      expect(() => grad((x: Tensor) => sum(NoGradient({ x }, {})[0]))(a())).toThrow(/TestNoGradient/);
    });

    it('leaks nothing, with or without a tape', () => {
      const [x, y] = [a(), b()];
      const step = (): void => {
        for (const output of ScaledSums({ a: x, b: y }, { scale: 2 })) output.dispose();
        grad((v: Tensor) => sum(ScaledSums({ a: v, b: y }, { scale: 2 })[0]))(x).dispose();
      };
      step();
      const before = memory();
      for (let i = 0; i < 20; i++) step();
      expect(memory().numTensors).toBe(before.numTensors);
      expect(memory().numBytes).toBe(before.numBytes);
      x.dispose();
      y.dispose();
    });
  });

  describe('provideKernel', () => {
    const runs = (): string | undefined => kernelReport().find(({ name }) => name === 'TestScaledSums')?.runs;

    it('replaces the reference on one engine and keeps the gradient', async () => {
      expect(runs()).toBe('composed');
      provideKernel(getBackend(), 'TestScaledSums', ({ inputs }) => {
        const { a: x } = inputs as unknown as { a: Tensor };
        return [x.clone(), mul(x, scalar(-1))];
      });
      try {
        expect(runs()).toBe('fused');
        expect(kernelReport('another engine').find(({ name }) => name === 'TestScaledSums')?.runs).toBe('composed');
        const [total, difference] = ScaledSums({ a: a(), b: b() }, { scale: 2 });
        await expectSame(total, [1, 2]);
        await expectSame(difference, [-1, -2]);
        const da = grad((x: Tensor) => sum(ScaledSums({ a: x, b: b() }, { scale: 2 })[0]))(a());
        await expectSame(da, [2, 2]);
      } finally {
        unregisterKernel('TestScaledSums', getBackend());
      }
      await expectSame(ScaledSums({ a: a(), b: b() }, { scale: 2 })[0], [22, 44]);
      expect(runs()).toBe('composed');
    });

    it("can stand in for one of tfjs's own kernels", async () => {
      const engineName = getBackend();
      const own = getKernel('Square', engineName);
      provideKernel(engineName, 'Square', ({ inputs }) => (inputs as unknown as { x: Tensor }).x.clone());
      try {
        expect(getKernel('Square', engineName).kernelFunc).not.toBe(own.kernelFunc);
      } finally {
        unregisterKernel('Square', engineName);
        registerKernel(own);
      }
    });
  });

  it('kernelReport lists every kernel once, by name', () => {
    const names = kernelReport().map(({ name }) => name);
    expect(names).toEqual([...new Set(names)].sort());
    expect(names).toEqual(expect.arrayContaining(['FsqQuantize', 'StopGradient', 'StraightThrough']));
  });
});
