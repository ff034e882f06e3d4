import { conv2d, grads, mul, randomNormal, sum, type Tensor, type Tensor4D } from '@tensorflow/tfjs-core';
import { expectClose, startEngine, tolerances } from '@vqkit/testing';
import { describe, it } from 'vitest';

describe('Conv2DBackpropFilter', () => {
  for (const [h, w, cin, cout, k, s, p] of [
    [5, 7, 3, 5, 3, 1, 'same'],
    [9, 8, 1, 16, 3, 2, 'same'],
    [6, 6, 4, 1, 2, 2, 'valid'],
    [8, 9, 5, 7, 5, 3, 2],
  ] as const)
    it(`${[h, w, cin, cout, k, s, p]}`, async () => {
      const run = async (name: 'cpu' | 'wasm') => {
        await startEngine(name);
        const x = randomNormal([3, h, w, cin], 0, 1, 'float32', 1) as Tensor4D;
        const f = randomNormal([k, k, cin, cout], 0, 1, 'float32', 2) as Tensor4D;
        const y = conv2d(x, f, s, p);
        const dy = randomNormal(y.shape, 0, 1, 'float32', 3);
        const [, df] = grads((x: Tensor, f: Tensor) => sum(mul(conv2d(x as Tensor4D, f as Tensor4D, s, p), dy)))([x, f]);
        return (df as Tensor4D).data();
      };
      await expectClose(await run('wasm'), await run('cpu'), tolerances.float32);
    });
});
