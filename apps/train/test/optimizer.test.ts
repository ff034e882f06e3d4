import { memory, scalar, type Tensor, tensor1d, variable } from '@tensorflow/tfjs-core';
import { OptionError, ShapeError } from '@vqkit/core-tensor';
import { eachEngine, expectClose, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createAdamW } from '../src/optimizer/adamw.ts';
import { clipByGlobalNorm, globalNorm } from '../src/optimizer/clip.ts';
import { learningRateAt } from '../src/optimizer/schedule.ts';

const GRADIENTS = [
  [0.5, -2, 0, 1e-3],
  [-0.25, 3, 1e-8, 2e-3],
  [4, -1, 0, -5e-3],
];

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
      expect(optimizer.stepsDone()).toBe(3);
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

    it('leaves a variable without a gradient alone', async () => {
      const [a, b] = [variable(tensor1d([1])), variable(tensor1d([2]))];
      createAdamW({ variables: { a, b } }).step({ a: tensor1d([1]) }, 0.1);
      expect([...(await b.data())]).toEqual([2]);
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
            next.restore(state, optimizer.stepsDone());
            optimizer = next;
          }
          optimizer.step({ w: tensor1d(g) }, 0.05);
        }
        return [...(await w.data())];
      };
      expect(await run(2)).toEqual(await run(undefined));
    });

    it('refuses the state of another model', () => {
      const optimizer = createAdamW({ variables: { w: variable(tensor1d([1])) } });
      expect(() => optimizer.restore({}, 1)).toThrow(OptionError);
      expect(() => optimizer.restore({}, 1)).toThrow("state must hold 'm.w', got [].");
      const state: Record<string, Tensor> = { 'm.w': tensor1d([1, 2]), 'v.w': tensor1d([1]) };
      expect(() => optimizer.restore(state, 1)).toThrow(ShapeError);
      expect(optimizer.stepsDone()).toBe(0);
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
    expect([0, 1, 2, 3, 4, 100].map((step) => learningRateAt(step, 8, 4))).toEqual([2, 4, 6, 8, 8, 8]);
    expect([0, 1].map((step) => learningRateAt(step, 8, 0))).toEqual([8, 8]);
  });
});
