import { grads, memory, type Tensor, tensor, tensor1d, zeros } from '@tensorflow/tfjs-core';
import { createRng, OptionError, ShapeError } from '@vqkit/core-tensor';
import { eachEngine, expectClose, expectSame, gradientError, spreadIt, tolerances } from '@vqkit/testing';
import { describe, expect } from 'vitest';
import { codebookLoss, commitmentLoss } from '../src/index.ts';

const SHAPE = [2, 3, 4];
const random = (seed: number): Tensor => tensor(createRng(seed).normalArray(24, 1), SHAPE);
const WEIGHTS = [2, 0, 1, 0.25, 0, 0.5];

/** mean((a - b)²) over the tokens by weight, in float64. */
async function bruteForce(a: Tensor, b: Tensor, weights: readonly number[]): Promise<number> {
  const [x, y] = [await a.data(), await b.data()];
  const total = weights.reduce((sum, w) => sum + w, 0);
  return weights.reduce((sum, w, token) => {
    let own = 0;
    for (let i = 0; i < 4; i++) own += ((x[token * 4 + i] as number) - (y[token * 4 + i] as number)) ** 2;
    return sum + (w / total) * (own / 4);
  }, 0);
}

eachEngine((engine) => {
  const it = spreadIt(engine);
  for (const [loss, side] of [
    [commitmentLoss, 0],
    [codebookLoss, 1],
  ] as const) {
    describe(loss.name, () => {
      it('is the mean squared difference, plain and by weight', async () => {
        const [z, q] = [random(1), random(2)];
        await expectClose(loss(z, q), [await bruteForce(z, q, [1, 1, 1, 1, 1, 1])], tolerances.float32);
        const weights = tensor(WEIGHTS, [2, 3]);
        await expectClose(loss(z, q, { weights }), [await bruteForce(z, q, WEIGHTS)], tolerances.float32);
        const mask = tensor([true, false, true, true, false, true], [2, 3], 'bool');
        await expectClose(
          loss(z, q, { weights: mask }),
          [await bruteForce(z, q, [1, 0, 1, 1, 0, 1])],
          tolerances.float32,
        );
      });

      it(`sends its gradient to ${side === 0 ? 'z' : 'q'} only`, async () => {
        const pair = [random(1), random(2)] as [Tensor, Tensor];
        const weights = tensor(WEIGHTS, [2, 3]);
        const gradients = grads((z: Tensor, q: Tensor) => loss(z, q, { weights }))(pair);
        await expectSame(gradients[1 - side] as Tensor, new Array(24).fill(0));
        const [z, q] = pair;
        const alone = (x: Tensor) => (side === 0 ? loss(x, q, { weights }) : loss(z, x, { weights }));
        expect(await gradientError(alone, pair[side])).toBeLessThan(tolerances.finiteDifference);
      });

      it('ignores whatever a token of weight 0 holds', async () => {
        const values = [1, 2, Number.NaN, Number.POSITIVE_INFINITY];
        const [z, q] = [tensor(values, [2, 2]), tensor([1, 1, Number.NaN, 1], [2, 2])];
        const weights = tensor1d([1, 0]);
        await expectClose(loss(z, q, { weights }), [0.5], tolerances.float32);
        const gradients = grads((a: Tensor, b: Tensor) => loss(a, b, { weights }))([z, q]);
        await expectClose(gradients[side] as Tensor, [0, side === 0 ? 1 : -1, 0, 0], tolerances.float32);
      });

      it('is 0 with zero gradient for no tokens and for weights of 0', async () => {
        await expectSame(loss(zeros([0, 4]), zeros([0, 4])), [0]);
        await expectSame(loss(zeros([0, 4]), zeros([0, 4]), { weights: zeros([0]) }), [0]);
        const weights = zeros([2, 3]);
        await expectSame(loss(random(1), random(2), { weights }), [0]);
        const gradients = grads((z: Tensor, q: Tensor) => loss(z, q, { weights }))([random(1), random(2)]);
        for (const gradient of gradients) await expectSame(gradient, new Array(24).fill(0));
      });

      it('rejects shapes that do not fit and unknown options', () => {
        expect(() => loss(zeros([2, 3]), zeros([2, 4]))).toThrow(ShapeError);
        expect(() => loss(zeros([2, 3]), zeros([2, 4]))).toThrow(
          /z and q must have the same shape .+ \[2,3\] and \[2,4\]/,
        );
        expect(() => loss(zeros([]), zeros([]))).toThrow(ShapeError);
        expect(() => loss(zeros([2, 3]), zeros([2, 3]), { weights: zeros([3]) })).toThrow(
          /weights must have the shape/,
        );
        expect(() => loss(zeros([2, 3]), zeros([2, 3]), { weight: 1 } as object)).toThrow(OptionError);
      });

      it('leaves nothing behind', () => {
        const [z, q, weights] = [random(1), random(2), tensor(WEIGHTS, [2, 3])];
        const before = memory().numTensors;
        for (let i = 0; i < 3; i++) loss(z, q, { weights }).dispose();
        for (let i = 0; i < 3; i++) loss(z, q).dispose();
        expect(memory().numTensors).toBe(before);
      });
    });
  }
});
