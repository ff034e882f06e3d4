import {
  add,
  concat,
  engine,
  fill,
  grad,
  grads,
  memory,
  mul,
  type Scalar,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tensor2d,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core';
import {
  bitEntropies,
  eachEngine,
  expectClose,
  expectSame,
  fullRun,
  repetitions,
  spreadIt,
  titleIf,
  tolerances,
} from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { bitEntropy, createRng, UnsupportedError } from '../../src/index.ts';

const ALL = { codebook: true };

function normal(n: number, d: number, stddev: number): Float32Array {
  return createRng(n * 100 + d).normalArray(n * d, stddev);
}

/** Random weights with a sum of 1, a third of them 0. */
function shares(n: number, seed: number): Float32Array {
  const weights = createRng(seed).uniformArray(n, 0, 1);
  for (let i = 2; i < n; i += 3) weights[i] = 0;
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

const equalShares = (n: number): Tensor1D => fill([n], 1 / n);

eachEngine((engineName) => {
  const spread = spreadIt(engineName);

  describe('bitEntropy', () => {
    for (const stddev of [0.1, 2, 60]) {
      for (const [n, d] of [
        [1, 1],
        [6, 1],
        [5, 2],
        [6, 3],
        [33, 5],
        [20, 8],
        [10, 11],
      ] as const) {
        spread(`agrees with brute force over all codes: N = ${n}, d = ${d}, log-odds of ${stddev}`, async () => {
          const values = normal(n, d, stddev);
          const weights = { sampleWeights: shares(n, 1), batchWeights: shares(n, 2) };
          const expected = bitEntropies(values, d, weights);
          const towards = createRng(3).normalArray(2 ** d, 1);
          const sampleWeights = tensor1d(weights.sampleWeights);
          const batchWeights = tensor1d(weights.batchWeights);

          const logits = tensor2d(values, [n, d]);
          const [perSample, codebook, average] = bitEntropy({ logits, sampleWeights, batchWeights }, ALL);
          expect([perSample.shape, codebook.shape, average.shape]).toEqual([[], [], [2 ** d]]);
          // Near p = 1 the brute force keeps what float64 holds of 1 - p, and an average in float32 what float32 does.
          await expectClose(perSample, [expected.perSample], tolerances.float32, 2 ** -52);
          await expectClose(codebook, [expected.codebook], tolerances.float32, tolerances.rounding);
          await expectClose(average, expected.average, tolerances.float32);

          const objective = (a: number, b: number, c: number) => (z: Tensor) => {
            const outputs = bitEntropy({ logits: z as Tensor2D, sampleWeights, batchWeights }, ALL);
            const ofAverage = sum(mul(outputs[2], tensor1d(towards.map((t) => t * c))));
            return add(add(mul(outputs[0], a), mul(outputs[1], b)), ofAverage);
          };
          for (const [a, b, c] of [
            [1, 0, 0],
            [0, 1, 0],
            [0, 0, 1],
            [2, -3, 0.5],
          ] as const) {
            const dz = grad(objective(a, b, c))(logits);
            const dAverage = towards.map((t) => t * c);
            await expectClose(dz, expected.gradient(a, b, dAverage), tolerances.float32);
          }
        });
      }
    }

    it('keeps the digits of gradients that are almost saturated', async () => {
      const values = Float32Array.of(-20, 25, 30, 0.5, -28, 22);
      const logits = tensor2d(values, [2, 3]);
      const dz = grad((z: Tensor) => {
        const inputs = { logits: z as Tensor2D, sampleWeights: equalShares(2), batchWeights: equalShares(2) };
        return bitEntropy(inputs, ALL)[1];
      })(logits);
      const actual = await dz.data();
      const expected = bitEntropies(values, 3).gradient(0, 1);
      for (let i = 0; i < 6; i++) await expectClose([actual[i] as number], [expected[i] as number], tolerances.float32);
    });

    it('stays finite where probabilities underflow and where log-odds are infinite', async () => {
      const inf = Number.POSITIVE_INFINITY;
      const values = [inf, -inf, 500, -500, 1e30, 0, -3e38, inf];
      const inputs = { sampleWeights: equalShares(2), batchWeights: equalShares(2) };
      const logits = tensor2d(values, [2, 4]);
      const [perSample, codebook, average] = bitEntropy({ logits, ...inputs }, ALL);
      await expectClose(perSample, [Math.log(2) / 2], tolerances.float32);
      await expectClose(codebook, [1.5 * Math.log(2)], tolerances.float32);
      const expected = new Array<number>(16).fill(0);
      expected[0b1010] = 0.5;
      expected[0b1001] = 0.25;
      expected[0b1101] = 0.25;
      await expectClose(average, expected, tolerances.float32);
      for (const output of [0, 1] as const) {
        const dz = grad((z: Tensor) => bitEntropy({ logits: z as Tensor2D, ...inputs }, ALL)[output])(logits);
        await expectSame(dz, new Array(8).fill(0));
      }
    });

    it('gives zeros and zero gradients for weights that are all zero', async () => {
      const weights = zeros([3]) as Tensor1D;
      const logits = tensor2d(normal(3, 4, 1), [3, 4]);
      const outputs = bitEntropy({ logits, sampleWeights: weights, batchWeights: weights }, ALL);
      for (const output of outputs) await expectSame(output, new Array(output.size).fill(0));
      const dz = grad((z: Tensor) => {
        const [a, b, c] = bitEntropy({ logits: z as Tensor2D, sampleWeights: weights, batchWeights: weights }, ALL);
        return add(add(a, b), sum(c));
      })(logits);
      await expectSame(dz, new Array(12).fill(0));
    });

    it('treats the weights as constants', async () => {
      const logits = tensor2d(normal(3, 2, 1), [3, 2]);
      const gradients = grads((sampleWeights: Tensor, batchWeights: Tensor) => {
        const inputs = { logits, sampleWeights: sampleWeights as Tensor1D, batchWeights: batchWeights as Tensor1D };
        return add(bitEntropy(inputs, ALL)[0], bitEntropy(inputs, ALL)[1]);
      })([equalShares(3), equalShares(3)]);
      for (const gradient of gradients) await expectSame(gradient, [0, 0, 0]);
    });

    // Plain JavaScript takes as long for it as all other engines together, and has fewer chunks.
    const streams = fullRun || engineName !== 'cpu';
    it.skipIf(!streams)(
      titleIf(streams, 'streams: many chunks of repeated tokens are as the tokens once'),
      async () => {
        const [n, d, times] = [64, 16, engineName === 'cpu' ? 8 : repetitions(engineName, 40)];
        const once = tensor2d(normal(n, d, 2), [n, d]);
        const often = concat(new Array<Tensor2D>(times).fill(once), 0);
        const entropies = (logits: Tensor2D): [Scalar, Scalar, Tensor1D] => {
          const weights = equalShares(logits.shape[0]);
          return bitEntropy({ logits, sampleWeights: weights, batchWeights: weights }, ALL);
        };
        const [expected, actual] = [entropies(once), entropies(often)];
        for (let i = 0; i < 3; i++) await expectClose(actual[i] as Tensor, expected[i] as Tensor, tolerances.float32);
        const slope = (logits: Tensor2D): Tensor =>
          grad((z: Tensor) => add(entropies(z as Tensor2D)[0], entropies(z as Tensor2D)[1]))(logits);
        const whole = await slope(often).data();
        const part = await slope(once).data();
        for (const copy of [0, times >> 1, times - 1]) {
          const own = whole.slice(copy * n * d, (copy + 1) * n * d).map((value) => value * times);
          await expectClose(own, part, tolerances.float32);
        }
      },
    );

    it('takes 20 bits, and says so beyond', async () => {
      const inputs = (d: number): Parameters<typeof bitEntropy>[0] => {
        return { logits: zeros([2, d]), sampleWeights: equalShares(2), batchWeights: equalShares(2) };
      };
      const outputs = bitEntropy(inputs(20), ALL);
      for (const output of outputs.slice(0, 2)) await expectClose(output, [20 * Math.log(2)], tolerances.float32);
      expect(() => bitEntropy(inputs(21), ALL)).toThrow(UnsupportedError);
      expect(() => bitEntropy(inputs(21), ALL)).toThrow(
        /at most 20 bits for the codebook entropy, got 21\. Use several/,
      );
    });

    it('takes any number of bits for the per-sample entropy alone', async () => {
      const logits = tensor2d(normal(6, 40, 1), [6, 40]);
      const weights = equalShares(6);
      const inputs = { sampleWeights: weights, batchWeights: weights };
      const [perSample, codebook, average] = bitEntropy({ logits, ...inputs }, { codebook: false });
      const bits = await logits.data();
      // One bit at a time: entropies of independent bits add up.
      const alone = bitEntropies(bits, 1, { sampleWeights: new Array(240).fill(1 / 6) });
      await expectClose(perSample, [alone.perSample], tolerances.float32);
      await expectSame(codebook, [0]);
      expect(average.shape).toEqual([0]);
      const dz = grad((z: Tensor) => bitEntropy({ logits: z as Tensor2D, ...inputs }, { codebook: false })[0])(logits);
      await expectClose(dz, alone.gradient(1, 0), tolerances.float32);
    });

    it('leaves nothing behind', () => {
      const logits = tensor2d(normal(5, 4, 1), [5, 4]);
      const weights = equalShares(5);
      const before = memory();
      for (let i = 0; i < 5; i++) {
        const outputs = bitEntropy({ logits, sampleWeights: weights, batchWeights: weights }, ALL);
        for (const output of outputs) output.dispose();
        tidy(() => {
          engine().gradients(() => {
            const [a, b] = bitEntropy({ logits, sampleWeights: weights, batchWeights: weights }, ALL);
            return add(a, b) as Scalar;
          }, [logits]);
        });
      }
      expect(memory().numTensors).toBe(before.numTensors);
      expect(memory().numBytes).toBe(before.numBytes);
    });
  });
});
