import {
  gather,
  grads,
  mul,
  randomNormal,
  sum,
  type Tensor,
  tensor1d,
  tensor2d,
  unsortedSegmentSum,
} from '@tensorflow/tfjs-core';
import { expectSame, startEngine } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { expectAsOnCpu } from '../compare.ts';

describe('UnsortedSegmentSum', () => {
  for (const width of [1, 3, 4, 21]) {
    it(`rows of ${width}`, async () => {
      await expectAsOnCpu(() => {
        const ids = tensor1d(
          Array.from({ length: 50 }, (_, i) => (i * 7) % 11),
          'int32',
        );
        return unsortedSegmentSum(randomNormal([50, width], 0, 1, 'float32', 1), ids, 12);
      });
    });
  }

  it('of many rows, cut into shares', async () => {
    await expectAsOnCpu(() => {
      const ids = tensor1d(
        Array.from({ length: 5000 }, (_, i) => (i * 31) % 13),
        'int32',
      );
      return unsortedSegmentSum(randomNormal([5000, 17], 0, 1, 'float32', 1), ids, 13);
    });
  });

  it('is the gradient of gather', async () => {
    await expectAsOnCpu(() => {
      const table = randomNormal([9, 6], 0, 1, 'float32', 1);
      const ids = tensor1d([3, 0, 3, 8, 8, 8], 'int32');
      const dy = randomNormal([6, 6], 0, 1, 'float32', 2);
      return grads((t: Tensor) => sum(mul(gather(t, ids), dy)))([table]);
    });
  });

  it('sums integers, leaves ids out that are no segments', async () => {
    await startEngine('wasm');
    for (const dtype of ['int32', 'float32'] as const) {
      const x = tensor2d([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [5, 2], dtype);
      const sums = unsortedSegmentSum(x, tensor1d([1, 0, 1, -1, 2], 'int32'), 2);
      expect(sums.dtype).toBe(dtype);
      await expectSame(sums, [3, 4, 6, 8]);
    }
  });
});
