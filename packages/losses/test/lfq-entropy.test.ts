import {
  add,
  div,
  grad,
  log,
  memory,
  mul,
  neg,
  type Scalar,
  slice,
  sub,
  sum,
  type Tensor,
  tensor,
  tensor1d,
  tensor2d,
  zeros,
} from '@tensorflow/tfjs-core';
import { createRng, OptionError, ShapeError, UnsupportedError } from '@vqkit/core-tensor';
import { bitEntropies, eachEngine, expectClose, expectSame, gradientError, spreadIt, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import {
  clampedLfqEntropy,
  codebookEntropy,
  type LfqEntropies,
  type LfqEntropyOptions,
  lfqEntropy,
  perSampleEntropy,
} from '../src/index.ts';

const normal = (count: number, stddev: number): Float32Array => createRng(count).normalArray(count, stddev);

/** H_sample - 2 H_batch + Σ r p̄, so that each output has a gradient. */
function objective({ perSample, codebook, averageProbabilities }: LfqEntropies, r: Tensor): Scalar {
  return add(sub(perSample, mul(codebook, 2)), sum(mul(averageProbabilities, r)));
}

/** The log-odds of one codebook out of several on the last axis. */
function book(values: Float32Array, dim: number, bits: number, index: number): Float32Array {
  return values.filter((_, i) => Math.floor((i % dim) / bits) === index);
}

function shares(weights: readonly number[]): number[] {
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

const implementations: Record<string, { f: (z: Tensor, options?: LfqEntropyOptions) => LfqEntropies; eps: number }> = {
  lfqEntropy: { f: lfqEntropy, eps: 0 },
  'clampedLfqEntropy, eps 1e-5': { f: (z, options) => clampedLfqEntropy(z, options), eps: 1e-5 },
  'clampedLfqEntropy, eps 0.01': {
    f: (z, options) => clampedLfqEntropy(z, { ...options, entropyEps: 0.01 }),
    eps: 0.01,
  },
};

describe('the brute force itself', () => {
  it('has the gradient of its values, by central differences in float64', () => {
    const [n, d] = [3, 3];
    const values = Float64Array.from(normal(n * d, 1.5));
    const options = { sampleWeights: [0.2, 0, 0.8], batchWeights: [0.5, 0.25, 0.25], eps: 0.02 };
    const c = [1, -2, 3, 0.5, 0, 0, 4, -1];
    const at = (z: Float64Array): number => {
      const { perSample, codebook, average } = bitEntropies(z, d, options);
      return 2 * perSample - 3 * codebook + average.reduce((total, p, k) => total + p * (c[k] as number), 0);
    };
    const gradient = bitEntropies(values, d, options).gradient(2, -3, c);
    values.forEach((value, i) => {
      const moved = (by: number): Float64Array => values.with(i, value + by);
      expect(gradient[i]).toBeCloseTo((at(moved(1e-5)) - at(moved(-1e-5))) / 2e-5, 8);
    });
  });
});

eachEngine((engine) => {
  const it = spreadIt(engine);
  for (const [name, { f, eps }] of Object.entries(implementations)) {
    describe(name, () => {
      for (const stddev of [0.5, 8]) {
        for (const [n, numCodebooks, bits] of [
          [1, 1, 1],
          [9, 1, 5],
          [7, 2, 3],
          [5, 3, 1],
          [11, 1, 9],
        ] as const) {
          it(`agrees with brute force: ${n} tokens, ${numCodebooks} × ${bits} bits, log-odds of ${stddev}`, async () => {
            const dim = numCodebooks * bits;
            const values = normal(n * dim, stddev);
            const weights = Array.from({ length: n }, (_, i) => (i % 4 === 3 ? 0 : 1 + i));
            const sampleWeights = weights.map((weight, i) => (i % 3 === 1 ? 0 : weight));
            const of = (weight: readonly number[], index: number) =>
              bitEntropies(book(values, dim, bits, index), bits, {
                sampleWeights: shares(sampleWeights),
                batchWeights: shares(weight),
                eps,
              });
            const expected = Array.from({ length: numCodebooks }, (_, index) => of(weights, index));
            const options = { numCodebooks, weights: tensor1d(weights), sampleWeights: tensor1d(sampleWeights) };
            const logits = tensor2d(values, [n, dim]);
            const mean = (part: 'perSample' | 'codebook'): number =>
              expected.reduce((total, own) => total + own[part] / numCodebooks, 0);

            const actual = f(logits, options);
            expect(actual.averageProbabilities.shape).toEqual([numCodebooks, 2 ** bits]);
            // An entropy of probabilities that round to 1 in float32 is 0 ± one rounding.
            await expectClose(actual.perSample, [mean('perSample')], tolerances.float32, tolerances.rounding);
            await expectClose(actual.codebook, [mean('codebook')], tolerances.float32, tolerances.rounding);
            const average = expected.flatMap((own) => [...own.average]);
            await expectClose(actual.averageProbabilities, average, tolerances.float32);

            const r = normal(numCodebooks * 2 ** bits, 1);
            const rows = tensor2d(r, [numCodebooks, 2 ** bits]);
            const dz = await grad((z: Tensor) => objective(f(z, options), rows))(logits).data();
            expected.forEach((own, index) => {
              const towards = r.slice(index * 2 ** bits, (index + 1) * 2 ** bits);
              const scaled = own.gradient(1 / numCodebooks, -2 / numCodebooks, towards);
              const mine = book(Float32Array.from(dz), dim, bits, index);
              scaled.forEach((value, i) => {
                expect(Math.abs((mine[i] as number) - value)).toBeLessThan(tolerances.float32);
              });
            });
          });
        }
      }

      it('has the gradient of its value, by central differences', async () => {
        const logits = tensor2d(normal(12, 1), [3, 4]);
        const r = tensor2d(normal(8, 1), [2, 4]);
        const of = (z: Tensor): Scalar => objective(f(z, { numCodebooks: 2 }), r);
        expect(await gradientError(of, logits)).toBeLessThan(tolerances.finiteDifference);
      });

      it('takes tokens of any rank, and weights as a mask', async () => {
        const values = normal(24, 1);
        const mask = [true, false, true, true, false, true];
        const kept = values.filter((_, i) => mask[i >> 2]);
        const expected = f(tensor2d(kept, [4, 4]));
        const actual = f(tensor(values, [2, 3, 4]), { weights: tensor(mask, [2, 3], 'bool') });
        for (const part of ['perSample', 'codebook', 'averageProbabilities'] as const)
          await expectClose(actual[part], expected[part], tolerances.float32);
      });

      it('ignores whatever a token of weight 0 holds, and gives finite zeros for none', async () => {
        const inf = Number.POSITIVE_INFINITY;
        const logits = tensor2d([1, -2, Number.NaN, inf, 0.5, 3, -inf, 1e30], [4, 2]);
        const of = (weights: number[]) => (z: Tensor) => {
          const { perSample, codebook } = f(z, { weights: tensor1d(weights) });
          return sub(perSample, mul(codebook, 2)) as Scalar;
        };
        const kept = tensor2d([1, -2, 0.5, 3], [2, 2]);
        await expectClose(of([1, 0, 1, 0])(logits), of([1, 1])(kept), tolerances.float32);
        const [dz, expected] = [grad(of([1, 0, 1, 0]))(logits), grad(of([1, 1]))(kept)];
        const [a, b, c, d] = await expected.data();
        await expectClose(dz, [a, b, 0, 0, c, d, 0, 0] as number[], tolerances.float32);
        await expectSame(of([0, 0, 0, 0])(logits), [0]);
        await expectSame(grad(of([0, 0, 0, 0]))(logits), new Array(8).fill(0));
        const empty = f(zeros([0, 6]), { numCodebooks: 2 });
        await expectSame(empty.perSample, [0]);
        await expectSame(empty.codebook, [0]);
        expect(empty.averageProbabilities.shape).toEqual([2, 8]);
      });

      it('rejects bad arguments', () => {
        expect(() => f(zeros([]))).toThrow(ShapeError);
        expect(() => f(zeros([2, 3]), { numCodebooks: 2 })).toThrow(
          /must end in an axis of numCodebooks · d .+ \[2,3\]/,
        );
        expect(() => f(zeros([2, 4]), { numCodebooks: 0 })).toThrow(OptionError);
        expect(() => f(zeros([2, 4]), { weights: zeros([4]) })).toThrow(
          /weights must have the shape of the tokens \[2\]/,
        );
        expect(() => f(zeros([2, 4]), { sampleWeights: zeros([2, 4]) })).toThrow(/sampleWeights must have the shape/);
        expect(() => f(zeros([2, 21]))).toThrow(UnsupportedError);
      });

      it('leaves nothing behind', () => {
        const logits = tensor2d(normal(12, 1), [3, 4]);
        const before = memory().numTensors;
        for (const output of Object.values(f(logits, { numCodebooks: 2 }))) (output as Tensor).dispose();
        grad((z: Tensor) => f(z).perSample)(logits).dispose();
        expect(memory().numTensors).toBe(before);
      });
    });
  }

  describe('lfqEntropy', () => {
    it('gives averages whose mean over workers has the entropy and the gradient of the whole batch', async () => {
      const whole = tensor2d(normal(40, 1), [10, 4]);
      const entropy = (p: Tensor): Scalar => neg(sum(mul(p, log(p)))) as Scalar;
      const average = (z: Tensor, start: number, size: number): Tensor =>
        lfqEntropy(slice(z, [start, 0], [size, 4])).averageProbabilities;
      const split = (z: Tensor): Scalar => entropy(div(add(average(z, 0, 5), average(z, 5, 5)), 2));
      const all = (z: Tensor): Scalar => lfqEntropy(z).codebook;
      await expectClose(split(whole), all(whole), tolerances.float32);
      await expectClose(grad(split)(whole), grad(all)(whole), tolerances.float32);
    });
  });

  describe('perSampleEntropy and codebookEntropy', () => {
    it('are the two entropies alone', async () => {
      const logits = tensor2d(normal(24, 2), [4, 6]);
      const options = { numCodebooks: 2, weights: tensor1d([1, 1, 0, 2]) };
      const both = lfqEntropy(logits, options);
      await expectSame(perSampleEntropy(logits, options), both.perSample);
      await expectSame(codebookEntropy(logits, options), both.codebook);
    });

    it('take any number of bits, and at most 20', async () => {
      await expectClose(perSampleEntropy(zeros([3, 100])), [100 * Math.log(2)], tolerances.float32);
      await expectSame(perSampleEntropy(zeros([0, 100])), [0]);
      expect(() => codebookEntropy(zeros([3, 21]))).toThrow(UnsupportedError);
    });
  });
});
