import { memory, tensor1d } from '@tensorflow/tfjs-core';
import { eachEngine, expectSame } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { codeCounts, createRng } from '../../src/index.ts';

eachEngine(() => {
  describe('codeCounts', () => {
    it('counts the codes, and leaves out what is no code', async () => {
      const counts = codeCounts(tensor1d([2, 0, 2, -1, 4, -2147483648, 2147483647], 'int32'), 4);
      expect(counts.dtype).toBe('int32');
      await expectSame(counts, [1, 0, 2, 0]);
    });

    it('agrees with counting one by one', async () => {
      const rng = createRng(1);
      const indices = Int32Array.from({ length: 5000 }, () => rng.integer(37) - 3);
      const expected = new Array<number>(34).fill(0);
      for (const index of indices) if (index >= 0) expected[index] = (expected[index] as number) + 1;
      await expectSame(codeCounts(tensor1d(indices, 'int32'), 34), expected);
    });

    it('counts nothing in nothing, and leaks nothing', async () => {
      const none = tensor1d([], 'int32');
      await expectSame(codeCounts(none, 3), [0, 0, 0]);
      const before = memory();
      for (let i = 0; i < 5; i++) codeCounts(none, 3).dispose();
      expect(memory().numTensors).toBe(before.numTensors);
      expect(memory().numBytes).toBe(before.numBytes);
    });
  });
});
