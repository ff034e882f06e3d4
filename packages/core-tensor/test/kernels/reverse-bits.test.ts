import { memory, tensor, tensor1d } from '@tensorflow/tfjs-core';
import { eachEngine, expectIdentical } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createRng, reverseBits } from '../../src/index.ts';

const reversed = (index: number, bits: number): number =>
  Number.parseInt([...index.toString(2).padStart(bits, '0')].reverse().join(''), 2);

eachEngine(() => {
  describe('reverseBits', () => {
    it('turns the bits of every index around, for every number of bits, in whole vectors and the rest', async () => {
      for (let bits = 1; bits <= 30; bits++) {
        const edges = [0, 1, 2 ** (bits - 1), 2 ** bits - 1, 2 ** bits - 2].filter((index) => index >= 0);
        const drawn = Array.from(createRng(bits).uniformArray(1030, 0, 1), (u) => Math.floor(u * 2 ** bits));
        const indices = [...edges, ...drawn];
        const expected = indices.map((index) => reversed(index, bits));
        await expectIdentical(reverseBits(tensor1d(indices, 'int32'), bits), expected);
      }
    });

    it('leaves what is no index alone, and keeps the shape', async () => {
      const values = [-1, 8, 1, -2, 2 ** 31 - 1, -(2 ** 31)];
      const out = reverseBits(tensor(values, [3, 1, 2], 'int32'), 3);
      expect([out.shape, out.dtype]).toEqual([[3, 1, 2], 'int32']);
      await expectIdentical(out, [-1, 8, 4, -2, 2 ** 31 - 1, -(2 ** 31)]);
      expect(reverseBits(tensor([], [0, 4], 'int32'), 3).shape).toEqual([0, 4]);
    });

    it('leaves nothing behind', () => {
      const indices = tensor1d([1, 2, 3], 'int32');
      reverseBits(indices, 2).dispose();
      const before = memory().numTensors;
      reverseBits(indices, 2).dispose();
      expect(memory().numTensors).toBe(before);
    });
  });
});
