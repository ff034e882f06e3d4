import {
  add,
  fill,
  grads,
  mul,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor2d,
  tidy,
} from '@tensorflow/tfjs-core';
import { bitEntropy, createRng } from '@vqkit/core-tensor';
import { bitEntropies, expectClose, expectIdentical, startEngine, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';

/** Both entropies, the average probabilities and the gradient of a sum of all three. */
async function all(values: Float32Array, dim: number): Promise<ArrayLike<number>[]> {
  const n = values.length / dim;
  const tensors = tidy(() => {
    const logits = tensor2d(values, [n, dim]);
    const weights = fill([n], 1 / n) as Tensor1D;
    const outputs = (z: Tensor): [Tensor, Tensor, Tensor1D] =>
      bitEntropy({ logits: z as Tensor2D, sampleWeights: weights, batchWeights: weights }, { codebook: true });
    const objective = (z: Tensor): Tensor => {
      const [perSample, codebook, average] = outputs(z);
      return add(add(perSample, mul(codebook, -2)), sum(mul(average, average)));
    };
    return [...outputs(logits), ...grads(objective)([logits])];
  });
  const read = await Promise.all(tensors.map((t) => t.data()));
  for (const t of tensors) t.dispose();
  return read;
}

const latents = (n: number, dim: number, stddev: number): Float32Array =>
  createRng(n + dim).normalArray(n * dim, stddev);

describe('BitEntropy', () => {
  it('streams tokens in groups: repeated tokens are as the tokens once', async () => {
    await startEngine('wasm');
    const [n, dim, times] = [50, 18, 50];
    const once = latents(n, dim, 3);
    const often = new Float32Array(n * dim * times);
    for (let i = 0; i < times; i++) often.set(once, i * n * dim);
    const [expected, actual] = [await all(once, dim), await all(often, dim)];
    for (const i of [0, 1, 2]) await expectClose(actual[i] ?? [], expected[i] ?? [], tolerances.float32);
    const slopes = Float32Array.from(actual[3] ?? [], (value) => value * times);
    for (const copy of [0, 21, times - 1]) {
      await expectClose(slopes.subarray(copy * n * dim, (copy + 1) * n * dim), expected[3] ?? [], tolerances.float32);
    }
  });

  it('agrees with brute force where most bits are decided and products of probabilities would be denormal', async () => {
    await startEngine('wasm');
    for (const stddev of [20, 40, 90, 300]) {
      const [n, dim] = [40, 9];
      const values = latents(n, dim, stddev);
      const exact = bitEntropies(values, dim);
      const [perSample, codebook, average] = await all(values, dim);
      await expectClose(perSample ?? [], [exact.perSample], tolerances.float32, 2 ** -52);
      await expectClose(codebook ?? [], [exact.codebook], tolerances.float32, tolerances.rounding);
      await expectClose(average ?? [], exact.average, tolerances.float32);
      expect(Array.from(average ?? []).filter((p) => p !== 0 && p < 2 ** -126)).toEqual([]);
    }
  });

  it('has the same bits on one thread and on two', async () => {
    for (const [n, dim] of [
      [1000, 12],
      [3000, 18],
      [70, 3],
    ] as const) {
      const values = latents(n, dim, 2);
      await startEngine('wasm');
      const one = await all(values, dim);
      await startEngine('wasm-threads');
      const two = await all(values, dim);
      for (const [i, expected] of one.entries()) await expectIdentical(two[i] ?? [], expected);
    }
  });

  it('passes NaN on', async () => {
    await startEngine('wasm');
    const values = latents(5, 6, 1);
    values[8] = Number.NaN;
    const [perSample, codebook, average, slope] = await all(values, 6);
    expect([perSample?.[0], codebook?.[0], average?.[0], slope?.[8]]).toEqual(new Array(4).fill(Number.NaN));
  });
});
