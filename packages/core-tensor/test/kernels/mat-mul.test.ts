import {
  grad,
  grads,
  memory,
  mul,
  square,
  sum,
  type Tensor,
  tensor,
  matMul as tfjsMatMul,
} from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, expectIdentical, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createRng, matMul } from '../../src/index.ts';

const normal = (shape: number[], seed: number): Tensor =>
  tensor(
    createRng(seed).normalArray(
      shape.reduce((size, own) => size * own, 1),
      1,
    ),
    shape,
  );

eachEngine(() => {
  describe('matMul', () => {
    for (const [transposeA, transposeB] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      const name = `A${transposeA ? 'ᵀ' : ''} · B${transposeB ? 'ᵀ' : ''}`;
      const [batch, rows, depth, columns] = [3, 5, 7, 4];
      const inputs = (): [Tensor, Tensor] => [
        normal([batch, ...(transposeA ? [depth, rows] : [rows, depth])], 1),
        normal([batch, ...(transposeB ? [columns, depth] : [depth, columns])], 2),
      ];

      it(`${name} is the sum of products, in float64`, async () => {
        const [a, b] = inputs();
        const [left, right] = [await a.data(), await b.data()];
        const expected: number[] = [];
        for (let n = 0; n < batch; n++)
          for (let i = 0; i < rows; i++)
            for (let j = 0; j < columns; j++) {
              let total = 0;
              for (let k = 0; k < depth; k++) {
                const from = n * rows * depth + (transposeA ? k * rows + i : i * depth + k);
                const other = n * depth * columns + (transposeB ? j * depth + k : k * columns + j);
                total += (left[from] as number) * (right[other] as number);
              }
              expected.push(total);
            }
        const product = matMul(a, b, transposeA, transposeB);
        expect(product.shape).toEqual([batch, rows, columns]);
        await expectClose(product, expected, tolerances.float32);
      });

      it(`${name} has tfjs's gradients, and can be differentiated again`, async () => {
        const [a, b] = inputs();
        const dy = normal([batch, rows, columns], 3);
        const slopes = (product: typeof matMul): Tensor[] => {
          const loss = (x: Tensor, y: Tensor): Tensor => sum(mul(product(x, y, transposeA, transposeB), dy));
          const second = grad((x: Tensor) =>
            sum(square(grad((y: Tensor) => sum(square(product(x, y, transposeA, transposeB))))(b))),
          );
          return [...grads(loss)([a, b]), second(a)];
        };
        const [own, tfjs] = [slopes(matMul), slopes(tfjsMatMul)];
        for (const [i, slope] of own.entries()) {
          expect(slope.shape).toEqual(tfjs[i]?.shape);
          await expectClose(slope, await (tfjs[i] as Tensor).data(), 10 * tolerances.float32);
        }
      });
    }

    it('of integers is that of tfjs', async () => {
      const one = tensor([1, 2, 3, 4], [2, 2], 'int32');
      await expectIdentical(matMul(one, tensor([1, 0, 0, 1], [2, 2])), [1, 2, 3, 4]);
    });

    it('refuses shapes that do not fit', () => {
      expect(() => matMul(normal([2, 3], 1), normal([4, 2], 2))).toThrow(
        'matMul: b must have 3 rows, as many as a, of shape [2,3], has columns, got shape [4,2]. Transpose one of them.',
      );
    });

    it('leaves nothing behind', () => {
      const [a, b] = [normal([3, 4], 1), normal([4, 5], 2)];
      const before = memory().numTensors;
      for (let i = 0; i < 5; i++) for (const t of grads((x, y) => sum(matMul(x, y)))([a, b])) t.dispose();
      expect(memory().numTensors).toBe(before);
      for (const t of [a, b]) t.dispose();
    });
  });
});
