import { cast, greater, ones, randomNormal, type Tensor, zeros } from '@tensorflow/tfjs-core';
import { mean, sum } from '@vqkit/core-tensor';
import { describe, it } from 'vitest';
import { expectAsOnCpu } from '../compare.ts';

describe('ReduceSum and ReduceMean', () => {
  for (const [shape, axes] of [
    [
      [5, 7, 9, 16],
      [0, 1, 2],
    ],
    [
      [4, 5, 37],
      [0, 1],
    ],
    [[1000, 1], [0]],
    [[1003, 2], [0]],
    [[1001, 3], [0]],
    [[5000, 21], [0]],
    [[3, 4, 5], [0]],
    [[7], [0]],
    [[16], [0]],
    [
      [100, 784],
      [0, 1],
    ],
    [[4, 5, 6], [1]],
    [
      [4, 5, 6],
      [0, 2],
    ],
    [[4, 5, 6], [-1]],
    [
      [4, 5, 6],
      [1, 0],
    ],
    [
      [4, 5, 6],
      [0, 1, 2],
    ],
  ] as const) {
    it(`[${shape}] over axes [${axes}]`, async () => {
      await expectAsOnCpu(() => {
        const x: Tensor = randomNormal([...shape], 1, 1, 'float32', 1);
        return [sum(x, [...axes]), sum(x, [...axes], true), mean(x, [...axes]), mean(x, [...axes], true)];
      });
    });
  }

  it('of nothing', async () => {
    await expectAsOnCpu(() => [sum(zeros([0, 4]), 0), sum(zeros([3, 0]), 0)]);
  });

  it('of integers', async () => {
    await expectAsOnCpu(() => [
      sum(zeros([5, 4], 'int32'), 0),
      sum(ones([4, 4], 'int32')),
      mean(ones([4, 4], 'int32')),
    ]);
  });
});

describe('Cast', () => {
  it('to its own type and to others', async () => {
    await expectAsOnCpu(() => {
      const x = randomNormal([3, 4], 0, 2, 'float32', 1);
      const positive = greater(x, 0);
      return [cast(x, 'float32'), cast(x, 'int32'), cast(positive, 'bool'), cast(positive, 'float32')];
    });
  });
});
