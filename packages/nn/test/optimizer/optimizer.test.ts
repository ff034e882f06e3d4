import { memory, scalar, type Tensor, tensor1d, tidy, variable } from '@tensorflow/tfjs-core';
import { OptionError, ShapeError } from '@vqkit/core-tensor';
import { eachEngine, expectClose, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import {
  clipByGlobalNorm,
  createAccumulator,
  createAdamW,
  createEma,
  globalNorm,
  learningRateAt,
} from '../../src/index.ts';

const GRADIENTS = [
  [0.5, -2, 0, 1e-3],
  [-0.25, 3, 1e-8, 2e-3],
  [4, -1, 0, -5e-3],
];

function mapValues<T, U>(values: Readonly<Record<string, T>>, f: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, f(value)]));
}

/** torch.optim.AdamW, line by line as its documentation states it, in float64. */
function adamW64(
  weights: number[],
  gradients: readonly number[][],
  lr: number,
  decay: number,
  b1: number,
  b2: number,
  eps: number,
): number[] {
  const m = weights.map(() => 0);
  const v = weights.map(() => 0);
  let w = [...weights];
  gradients.forEach((g, i) => {
    const t = i + 1;
    w = w.map((weight, j) => {
      const gradient = g[j] as number;
      m[j] = b1 * (m[j] as number) + (1 - b1) * gradient;
      v[j] = b2 * (v[j] as number) + (1 - b2) * gradient * gradient;
      const mHat = (m[j] as number) / (1 - b1 ** t);
      const vHat = (v[j] as number) / (1 - b2 ** t);
      return weight - lr * decay * weight - (lr * mHat) / (Math.sqrt(vHat) + eps);
    });
  });
  return w;
}

eachEngine(() => {
  describe('createAdamW', () => {
    it('does what PyTorch documents, against float64', async () => {
      const start = [1, -0.5, 2, 0.1];
      const before = memory().numTensors;
      const w = variable(tensor1d(start));
      const optimizer = createAdamW({ variables: { w }, betas: [0.8, 0.99], eps: 1e-6, weightDecay: 0.1 });
      const held = memory().numTensors;
      for (const g of GRADIENTS) {
        const gradient = tensor1d(g);
        optimizer.step({ w: gradient }, 0.05);
        gradient.dispose();
      }
      expect(memory().numTensors, 'a step leaves no tensors').toBe(held);
      expect(optimizer.steps()).toEqual({ w: 3 });
      await expectClose(w, adamW64(start, GRADIENTS, 0.05, 0.1, 0.8, 0.99, 1e-6), tolerances.float32);
      optimizer.dispose();
      expect(memory().numTensors).toBe(before + 2);
    });

    it("has PyTorch's defaults", async () => {
      // One step by hand: m/(1-β₁) = g and √(v/(1-β₂)) = |g|, so that w shrinks by lr·λ·w and moves by lr·sign(g).
      const w = variable(tensor1d([1, -1]));
      const optimizer = createAdamW({ variables: { w } });
      optimizer.step({ w: tensor1d([0.3, -20]) }, 1e-2);
      await expectClose(w, [1 - 1e-4 - 1e-2, -1 + 1e-4 + 1e-2], tolerances.float32);
    });

    it('neither moves nor counts a variable without a gradient, so that a late first step is a whole one', async () => {
      const [a, b] = [variable(tensor1d([1])), variable(tensor1d([2]))];
      const optimizer = createAdamW({ variables: { a, b }, weightDecay: 0 });
      for (let step = 0; step < 4; step++) optimizer.step({ a: tensor1d([1]) }, 0.1);
      expect([...(await b.data())]).toEqual([2]);
      expect(optimizer.steps()).toEqual({ a: 4, b: 0 });
      optimizer.step({ a: tensor1d([1]), b: tensor1d([-7]) }, 0.1);
      await expectClose(b, [2.1], tolerances.float32);
      expect(optimizer.steps()).toEqual({ a: 5, b: 1 });
    });

    it('goes on from its state exactly', async () => {
      const run = async (breakAt: number | undefined): Promise<number[]> => {
        let w = variable(tensor1d([1, -0.5, 2, 0.1]));
        let optimizer = createAdamW({ variables: { w } });
        for (const [i, g] of GRADIENTS.entries()) {
          if (i === breakAt) {
            const state = Object.fromEntries(Object.entries(optimizer.state()).map(([k, t]) => [k, t.clone()]));
            w = variable(w.clone());
            const next = createAdamW({ variables: { w } });
            next.restore(state, optimizer.steps());
            optimizer = next;
          }
          optimizer.step({ w: tensor1d(g) }, 0.05);
        }
        return [...(await w.data())];
      };
      expect(await run(2)).toEqual(await run(undefined));
    });

    it('restores without leaving a tensor, and refuses the state of another model', () => {
      const w = variable(tensor1d([1]));
      const optimizer = createAdamW({ variables: { w } });
      const state = { 'm.w': tensor1d([1]), 'v.w': tensor1d([2]) };
      const held = memory().numTensors;
      optimizer.restore(state, { w: 3 });
      expect(memory().numTensors).toBe(held);
      expect(optimizer.steps()).toEqual({ w: 3 });

      const call = (given: Record<string, Tensor>, steps: Record<string, number>) => () =>
        optimizer.restore(given, steps);
      expect(call({}, { w: 1 })).toThrow(OptionError);
      expect(call({}, { w: 1 })).toThrow("AdamW.restore: state must hold 'm.w', got []. Pass what state() gave");
      expect(call({ ...state, 'm.u': tensor1d([1]) }, { w: 1 })).toThrow("state must not hold 'm.u'");
      expect(call({ ...state, 'm.w': tensor1d([1, 2]) }, { w: 1 })).toThrow(ShapeError);
      expect(call(state, {})).toThrow("steps must hold 'w', got [].");
      expect(call(state, { w: 1, u: 1 })).toThrow("steps must not hold 'u'");
      expect(call(state, { w: 1.5 })).toThrow("steps['w'] must be an integer >= 0, got 1.5");
      expect(optimizer.steps()).toEqual({ w: 3 });
    });
  });

  describe('createEma', () => {
    it('averages as torch.optim.swa_utils does: the first update copies, later ones move by 1 - decay', async () => {
      const w = variable(tensor1d([1, -2]));
      const before = memory().numTensors;
      const ema = createEma({ variables: { w }, decay: 0.75 });
      const seen: number[][] = [];
      for (const next of [
        [5, 2],
        [9, -6],
        [1, 10],
      ]) {
        tidy(() => w.assign(tensor1d(next)));
        ema.update();
        seen.push([...(await (ema.state().w as Tensor).data())]);
      }
      expect(seen).toEqual([
        [5, 2],
        [6, 0],
        [4.75, 2.5],
      ]);
      expect(ema.updates()).toBe(3);
      await ema.withAverages(async () => expect([...(await w.data())]).toEqual([4.75, 2.5]));
      expect([...(await w.data())]).toEqual([1, 10]);
      await expect(
        ema.withAverages(() => {
          throw new Error('stop');
        }),
      ).rejects.toThrow('stop');
      expect([...(await w.data())]).toEqual([1, 10]);

      const twin = createEma({ variables: { w }, decay: 0.75 });
      twin.restore(ema.state(), ema.updates());
      ema.update();
      twin.update();
      expect(await (twin.state().w as Tensor).data()).toEqual(await (ema.state().w as Tensor).data());
      ema.dispose();
      twin.dispose();
      expect(memory().numTensors).toBe(before);
    });

    it('explains bad options and states', () => {
      const w = variable(tensor1d([1]));
      expect(() => createEma({ variables: { w }, decay: 1 })).toThrow('createEma: decay must be');
      const ema = createEma({ variables: { w }, decay: 0.5 });
      expect(() => ema.restore({}, 1)).toThrow("Ema.restore: state must hold 'w', got []");
      expect(() => ema.restore({ w: tensor1d([1, 2]) }, 1)).toThrow(
        "Ema.restore: 'w' must have shape [1], got shape [2]",
      );
    });
  });

  describe('createAccumulator', () => {
    it('gives the mean of what it was given, and starts anew', async () => {
      const before = memory().numTensors;
      const accumulator = createAccumulator();
      for (let round = 0; round < 2; round++) {
        const batches: Record<string, number[]>[] = [{ a: [2, 4] }, { a: [4, 0], b: [8] }, { a: [0, 2], b: [-2] }];
        for (const gradients of batches) {
          const given = mapValues(gradients, (values) => tensor1d(values));
          accumulator.add(given);
          for (const gradient of Object.values(given)) gradient.dispose();
        }
        const mean = accumulator.take();
        await expectClose(mean.a as Tensor, [2, 2], tolerances.float32);
        await expectClose(mean.b as Tensor, [2], tolerances.float32);
        for (const gradient of Object.values(mean)) gradient.dispose();
        expect(accumulator.take()).toEqual({});
        expect(memory().numTensors).toBe(before);
      }
      accumulator.add({ a: tensor1d([1]) });
      accumulator.dispose();
      expect(memory().numTensors).toBe(before + 1);
    });
  });

  describe('clipByGlobalNorm', () => {
    const make = (): { a: Tensor; b: Tensor } => ({ a: tensor1d([3, 0]), b: tensor1d([-4]) });

    it('scales all gradients by one factor, as clip_grad_norm_', async () => {
      const gradients = make();
      const norm = globalNorm(gradients);
      await expectClose(norm, [5], tolerances.float32);
      const clipped = clipByGlobalNorm(gradients, norm, 1);
      const factor = 1 / (5 + 1e-6);
      await expectClose(clipped.a as Tensor, [3 * factor, 0], tolerances.float32);
      await expectClose(clipped.b as Tensor, [-4 * factor], tolerances.float32);
    });

    it('leaves shorter gradients as they are', async () => {
      const gradients = make();
      const clipped = clipByGlobalNorm(gradients, globalNorm(gradients), 6);
      expect([...(await (clipped.a as Tensor).data())]).toEqual([3, 0]);
      expect([...(await (clipped.b as Tensor).data())]).toEqual([-4]);
    });

    it('has a norm of NaN as soon as one element is', async () => {
      expect((await globalNorm({ ...make(), c: scalar(Number.NaN) }).data())[0]).toBeNaN();
      expect((await globalNorm({}).data())[0]).toBe(0);
    });
  });
});

describe('learningRateAt', () => {
  it('rises linearly and stays', () => {
    const rates = (warmupSteps: number, ...steps: number[]): number[] =>
      steps.map((step) => learningRateAt(step, { base: 8, warmupSteps }));
    expect(rates(4, 0, 1, 2, 3, 4, 100)).toEqual([2, 4, 6, 8, 8, 8]);
    expect(rates(0, 0, 1)).toEqual([8, 8]);
  });

  it('falls along half a cosine to the minimum, as CosineAnnealingLR after a warm-up', () => {
    const options = { base: 8, warmupSteps: 2, decay: 'cosine', steps: 10, minimum: 2 } as const;
    const rates = [0, 1, 2, 6, 10, 11].map((step) => learningRateAt(step, options));
    expect(rates).toEqual([4, 8, 8, 5, 2, 2]);
    expect(learningRateAt(4, options)).toBeCloseTo(2 + (6 * (1 + Math.cos(Math.PI / 4))) / 2, 12);
  });

  it('explains bad options', () => {
    expect(() => learningRateAt(0, { base: 0 })).toThrow('learningRateAt: base must be a finite number > 0, got 0.');
    expect(() => learningRateAt(0, { base: 1, decay: 'cosine' })).toThrow(
      "learningRateAt: steps must be an integer >= 1 because decay is 'cosine', got undefined. Pass the steps of the whole training.",
    );
    expect(() => learningRateAt(0, { base: 1, decay: 'linear' as 'cosine' })).toThrow(
      "must be one of 'constant', 'cosine'",
    );
    expect(() => learningRateAt(0, { base: 1, decay: 'cosine', steps: 5, warmupSteps: 5 })).toThrow(
      'steps must be an integer >= 6',
    );
  });
});
