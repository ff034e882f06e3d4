import { memory, tensor, tensor1d, tensor2d, zeros } from '@tensorflow/tfjs-core';
import { eachEngine } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { assertFinite, assertIndices, DataError } from '../src/index.ts';

eachEngine(() => {
  describe('assertFinite', () => {
    it('passes finite data of any size', async () => {
      await expect(assertFinite('encode', 'z', tensor1d([0, -1e38, 1e-45]))).resolves.toBeUndefined();
      await expect(assertFinite('encode', 'z', zeros([0, 3]))).resolves.toBeUndefined();
    });

    it('names the first value that is not', async () => {
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const z = tensor2d([
          [1, 2],
          [bad, Number.NaN],
        ]);
        const check = assertFinite('encode', 'z', z);
        await expect(check).rejects.toThrow(DataError);
        await expect(check).rejects.toThrow(
          `encode: z must be finite, got ${bad} at flat position 2 of shape [2,2]. Look`,
        );
        z.dispose();
      }
    });
  });

  describe('assertIndices', () => {
    it('passes [0, K) and -1', async () => {
      await expect(assertIndices('decode', tensor1d([0, 9, -1], 'int32'), 10)).resolves.toBeUndefined();
      await expect(assertIndices('decode', tensor1d([2 ** 31 - 2], 'int32'), 2 ** 31 - 1)).resolves.toBeUndefined();
    });

    it('names the first that is outside', async () => {
      for (const bad of [10, -2, 2 ** 31 - 1, -(2 ** 31)]) {
        const check = assertIndices('decode', tensor([0, 1, bad, 99], [2, 2], 'int32'), 10);
        await expect(check).rejects.toThrow(DataError);
        await expect(check).rejects.toThrow(
          `decode: indices must be in [0, 10) or -1 for padding, got ${bad} at flat position 2 of shape [2,2]. Decode`,
        );
      }
    });
  });

  it('the checks leak nothing', async () => {
    const x = tensor1d([1, 2]);
    const before = memory().numTensors;
    await assertFinite('f', 'x', x);
    expect(memory().numTensors).toBe(before);
    x.dispose();
  });
});
