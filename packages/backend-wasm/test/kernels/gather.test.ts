import { gather, randomNormal, type Tensor1D, tensor, tensor1d } from '@tensorflow/tfjs-core';
import { startEngine } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { expectAsOnCpu } from '../compare.ts';

describe('GatherV2', () => {
  const many = (rows: number): Tensor1D =>
    tensor1d(
      Array.from({ length: 1500 }, (_, i) => (i * 7) % rows),
      'int32',
    );

  for (const shape of [[13], [13, 1], [13, 4], [13, 7], [13, 2, 9]]) {
    it(`rows of [${shape}]`, async () => {
      await expectAsOnCpu(() => gather(randomNormal(shape, 0, 1, 'float32', 1), many(13)), 0);
    });
  }

  it('keeps the shape of the indices, and integers', async () => {
    await expectAsOnCpu(() => [
      gather(randomNormal([5, 3], 0, 1, 'float32', 1), tensor([4, 0, 0, 1, 2, 3], [2, 3], 'int32')),
      gather(tensor([10, 20, 30], [3], 'int32'), tensor1d([2, 2, 0], 'int32')),
    ]);
  });

  it('other axes', async () => {
    await expectAsOnCpu(() => gather(randomNormal([4, 6], 0, 1, 'float32', 1), tensor1d([5, 0], 'int32'), 1));
  });

  it('names an index that does not exist', async () => {
    await startEngine('wasm');
    expect(() => gather(randomNormal([3, 2]), tensor1d([0, 1, -1], 'int32'))).toThrow(
      'gather: indices must be in [0, 3), got -1 at flat position 2. Gather rows that exist.',
    );
  });
});
