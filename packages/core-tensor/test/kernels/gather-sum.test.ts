import { memory, type Tensor, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { eachEngine, expectIdentical } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createRng, gatherSum } from '../../src/index.ts';

eachEngine(() => {
  describe('gatherSum', () => {
    for (const [n, dim, sizes] of [
      [1, 1, [1]],
      [7, 3, [5, 4]],
      [513, 16, [9, 1, 30]],
      [40, 35, [4, 4, 4, 4]],
      [20, 128, [3, 6]],
    ] as const) {
      it(`adds one row of each codebook, in their order: N = ${n}, D = ${dim}, K = ${sizes}`, async () => {
        const rng = createRng(n);
        const values = sizes.map((size) => rng.normalArray(size * dim, 1));
        const books = values.map((data, j): Tensor2D => tensor2d(data, [sizes[j] as number, dim]));
        const indices = Array.from({ length: n }, () => sizes.map((size) => rng.integer(size)));
        const expected = indices.flatMap((token) =>
          Array.from({ length: dim }, (_, i) =>
            token
              .map((index, j) => values[j]?.[index * dim + i] as number)
              .reduce((total, value) => Math.fround(total + value)),
          ),
        );
        const sum = gatherSum(books, tensor2d(indices, [n, sizes.length], 'int32'), false);
        expect(sum.shape).toEqual([n, dim]);
        await expectIdentical(sum, expected);
      });
    }

    it('gives 0 for padding, leaves dropped layers out, and gives NaN in the whole of what is no token', async () => {
      const [a, b]: Tensor2D[] = [tensor2d([1, 2, -0, 4, 5, 6], [2, 3]), tensor2d([10, 20, 30], [1, 3])];
      const rows = [
        [-1, -1],
        [1, 0],
        [0, -1],
        [-1, 0],
        [2, 0],
        [0, 1],
        [0, -2],
      ];
      const decode = (dropout: boolean): Tensor =>
        gatherSum([a as Tensor2D, b as Tensor2D], tensor2d(rows, [7, 2], 'int32'), dropout);
      const nan = [Number.NaN, Number.NaN, Number.NaN];
      const broken = rows.slice(3).flatMap(() => nan);
      // -0 and a layer of zeros: 0.
      await expectIdentical(decode(true), [0, 0, 0, 14, 25, 36, 1, 2, 0, ...broken]);
      await expectIdentical(decode(false), [0, 0, 0, 14, 25, 36, ...nan, ...broken]);
    });

    it('takes a codebook several times, and keeps the sign of a zero', async () => {
      const a: Tensor2D = tensor2d([-0, 2], [2, 1]);
      await expectIdentical(gatherSum([a, a, a], tensor2d([[1, 1, 0]], [1, 3], 'int32'), false), [4]);
      await expectIdentical(gatherSum([a, a], tensor2d([[0, 0]], [1, 2], 'int32'), false), [-0]);
      await expectIdentical(gatherSum([a], tensor2d([[0]], [1, 1], 'int32'), false), [-0]);
    });

    it('leaves nothing behind', () => {
      const a: Tensor2D = tensor2d([1, 2, 3, 4], [2, 2]);
      const indices: Tensor2D = tensor2d([[1, 0]], [1, 2], 'int32');
      const before = memory().numTensors;
      for (let i = 0; i < 5; i++) gatherSum([a, a], indices, true).dispose();
      expect(memory().numTensors).toBe(before);
      a.dispose();
      indices.dispose();
    });
  });
});
