import {
  grads,
  maxPool,
  mul,
  randomNormal,
  round,
  sum,
  type Tensor,
  type Tensor4D,
  tensor4d,
} from '@tensorflow/tfjs-core';
import { expectSame, startEngine } from '@vqkit/testing';
import { beforeAll, describe, it } from 'vitest';
import { init } from '../../src/index.ts';
import { expectAsOnCpu } from '../compare.ts';

beforeAll(() => init({ threads: 1, replaceTfjs: true }));

describe('MaxPool and its gradient', () => {
  for (const [height, width, channels, filter, stride, pad] of [
    [28, 28, 16, 2, 2, 'valid'],
    [7, 9, 5, 2, 2, 'valid'],
    [7, 8, 12, 2, 2, 'valid'],
    [7, 9, 7, 3, 2, 'same'],
    [8, 8, 1, 3, 1, 'same'],
    [9, 6, 4, [2, 3], [1, 2], 'valid'],
    [5, 5, 3, 4, 3, 2],
  ] as const) {
    it(`[${height}, ${width}, ${channels}], filter ${filter}, stride ${stride}, pad ${pad}`, async () => {
      const pool = (x: Tensor): Tensor =>
        maxPool(x as Tensor4D, filter as number, stride as number, pad as 'same' | number);
      // Rounded, so that windows have ties: the first element takes the gradient.
      for (const make of [(x: Tensor) => x, round]) {
        await expectAsOnCpu(() => {
          const x = make(randomNormal([3, height, width, channels], 0, 1, 'float32', 1));
          const y = pool(x);
          const dy = randomNormal(y.shape, 0, 1, 'float32', 2);
          return [y, ...grads((t: Tensor) => sum(mul(pool(t), dy)))([x])];
        });
      }
    });
  }

  it('shows NaN instead of hiding it', async () => {
    await startEngine('wasm');
    const x = tensor4d([1, Number.NaN, 3, 4, 5, 6, 7, 8], [1, 4, 2, 1]);
    await expectSame(maxPool(x, 2, 2, 'valid'), [Number.NaN, 8]);
  });
});
