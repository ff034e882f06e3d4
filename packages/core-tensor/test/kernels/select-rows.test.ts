import {
  fill,
  grads,
  memory,
  mul,
  sum,
  type Tensor,
  type Tensor2D,
  tensor,
  tensor1d,
  tensor2d,
  zeros,
} from '@tensorflow/tfjs-core';
import { eachEngine, expectIdentical } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { selectRows } from '../../src/kernels/select-rows.ts';

eachEngine(() => {
  describe('selectRows', () => {
    const condition = () => tensor1d([true, false, true, false], 'bool');

    it('copies rows bit for bit, of any width, float32 and int32, and one value to a whole row', async () => {
      for (const width of [1, 2, 5]) {
        const a = Array.from(
          { length: 4 * width },
          (_, i) => [Number.NaN, -0, 1e-45, 3e38, Number.NEGATIVE_INFINITY][i % 5] as number,
        );
        const b = Array.from({ length: 4 * width }, (_, i) => i);
        const rows = selectRows(condition(), tensor2d(a, [4, width]), tensor2d(b, [4, width]));
        expect(rows.shape).toEqual([4, width]);
        const expected = b.map((value, i) => (Math.floor(i / width) % 2 === 0 ? Math.fround(a[i] as number) : value));
        await expectIdentical(rows, expected);
      }
      for (const width of [1, 2, 5, 8]) {
        const perRow = tensor2d([1, Number.NaN, 3, -0], [4, 1]);
        const rows = selectRows(condition(), fill([4, width], 7) as Tensor2D, perRow);
        await expectIdentical(
          rows,
          [7, Number.NaN, 7, -0].flatMap((value) => Array(width).fill(value) as number[]),
        );
      }
      const ids = tensor([2 ** 31 - 1, 7, -(2 ** 31), 2 ** 24 + 1], [4, 1], 'int32') as Tensor2D;
      const picked = selectRows(condition(), ids, fill([4, 1], -1, 'int32') as Tensor2D);
      expect(picked.dtype).toBe('int32');
      await expectIdentical(picked, [2 ** 31 - 1, -1, -(2 ** 31), -1]);
    });

    it('sends the gradient to the rows that were taken, and exactly 0 to the others', async () => {
      const weights = tensor2d([1, 2, Number.NaN, Number.NaN, 5, 6, 7, 8], [4, 2]);
      const f = (a: Tensor, b: Tensor): Tensor =>
        sum(mul(selectRows(condition(), a as Tensor2D, b as Tensor2D), weights));
      const [da, db] = grads(f)([zeros([4, 2]), zeros([4, 2])]);
      await expectIdentical(da as Tensor, [1, 2, 0, 0, 5, 6, 0, 0]);
      await expectIdentical(db as Tensor, [0, 0, Number.NaN, Number.NaN, 0, 0, 7, 8]);
    });

    it('leaks nothing', () => {
      const [c, a, b] = [condition(), zeros([4, 2]) as Tensor2D, zeros([4, 2]) as Tensor2D];
      const step = (): void => {
        selectRows(c, a, b).dispose();
        for (const d of grads((x: Tensor, y: Tensor) => selectRows(c, x as Tensor2D, y as Tensor2D))([a, b]))
          d.dispose();
      };
      step();
      const before = memory().numTensors;
      for (let i = 0; i < 10; i++) step();
      expect(memory().numTensors).toBe(before);
      for (const t of [c, a, b]) t.dispose();
    });
  });
});
