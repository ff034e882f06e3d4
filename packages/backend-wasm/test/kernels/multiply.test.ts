import {
  cast,
  grad,
  grads,
  mean,
  mul,
  ones,
  randomNormal,
  square,
  sum,
  type Tensor,
  tensor1d,
  zeros,
} from '@tensorflow/tfjs-core';
import { describe, it } from 'vitest';
import { expectAsOnCpu } from '../compare.ts';

describe('Multiply', () => {
  for (const shape of [[1], [3], [7], [8], [33], [4096], [4097], [9, 1000], [2, 3, 5, 7]]) {
    it(`of [${shape}]`, async () => {
      await expectAsOnCpu(() => {
        const [a, b] = [1, 2].map((seed) => randomNormal(shape, 0, 1, 'float32', seed)) as [Tensor, Tensor];
        return [mul(a, b), mul(a, a)];
      });
    });
  }

  it('of infinities, NaN and signed zeros', async () => {
    const numbers = [Number.POSITIVE_INFINITY, Number.NaN, 0, -0, -3];
    const pairs = numbers.flatMap((a) => numbers.map((b) => [a, b] as const));
    await expectAsOnCpu(() => [mul(tensor1d(pairs.map(([a]) => a)), tensor1d(pairs.map(([, b]) => b)))]);
  });

  for (const size of [1, 5, 8, 4097, 9001]) {
    it(`of the gradient of a sum or a mean of ${size} products`, async () => {
      await expectAsOnCpu(() => {
        const [a, b] = [1, 2].map((seed) => randomNormal([size], 0, 1, 'float32', seed)) as [Tensor, Tensor];
        return [
          grad((x: Tensor) => mul(sum(mul(x, b)), 0.7))(a),
          grad((x: Tensor) => mean(mul(x, square(x))))(a),
          ...grads((x: Tensor, y: Tensor) => sum(mul(x, y)))([a, b]),
        ];
      });
    });
  }

  it('of nothing, of what is broadcast, and of other types', async () => {
    await expectAsOnCpu(() => [
      mul(zeros([0, 4]), zeros([0, 4])),
      mul(ones([3, 4]), tensor1d([1, 2, 3, 4])),
      mul(ones([3, 4]), 2),
      mul(tensor1d([2, 3], 'int32'), tensor1d([4, 5], 'int32')),
      mul(cast(tensor1d([1, 0], 'bool'), 'int32'), tensor1d([4, 5], 'int32')),
    ]);
  });
});
