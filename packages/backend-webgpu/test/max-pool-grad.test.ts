import { grad, maxPool, mul, sum, type Tensor, type Tensor4D, tensor } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { engineMissing, expectClose, startEngine, tolerances } from '@vqkit/testing';
import { beforeAll, describe, it } from 'vitest';

const missing = engineMissing('webgpu');
const name = missing === undefined ? 'MaxPoolGrad' : `MaxPoolGrad: skipped, ${missing}`;

describe.skipIf(missing !== undefined)(name, () => {
  beforeAll(() => startEngine('webgpu'));

  for (const [height, width, channels, filter, stride, pad] of [
    [6, 8, 4, 2, 2, 'valid'],
    [7, 9, 5, 2, 2, 'valid'],
    [7, 9, 7, 3, 2, 'same'],
    [8, 8, 1, 3, 1, 'same'],
    [9, 6, 4, [2, 3], [1, 2], 'valid'],
    [5, 5, 3, 4, 3, 2],
  ] as const) {
    it(`[${height}, ${width}, ${channels}], filter ${filter}, stride ${stride}, pad ${pad}`, async () => {
      const size = 2 * height * width * channels;
      const shape = [2, height, width, channels];
      const normal = createRng(1).normalArray(size, 1);
      // Rounded, so that windows have ties: the first element takes the gradient.
      for (const values of [normal, normal.map(Math.round)]) {
        const gradient = async (engine: 'cpu' | 'webgpu'): Promise<ArrayLike<number>> => {
          await startEngine(engine);
          const pool = (x: Tensor): Tensor =>
            maxPool(x as Tensor4D, filter as number, stride as number, pad as 'same' | number);
          const x = tensor(values, shape);
          const outShape = pool(x).shape;
          const outSize = outShape.reduce((a, b) => a * b, 1);
          const dy = tensor(createRng(2).normalArray(outSize, 1), outShape);
          return grad((t: Tensor) => sum(mul(pool(t), dy)))(x).data();
        };
        const expected = await gradient('cpu');
        await expectClose(await gradient('webgpu'), expected, tolerances.float32);
      }
    });
  }
});
