import { conv2d, grad, mul, sum, type Tensor, type Tensor4D, tensor, transpose } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { engineMissing, expectClose, startEngine, tolerances } from '@vqkit/testing';
import { beforeAll, describe, it } from 'vitest';

const missing = engineMissing('webgpu');
const name = missing === undefined ? 'Conv2DBackpropFilter' : `Conv2DBackpropFilter: skipped, ${missing}`;

describe.skipIf(missing !== undefined)(name, () => {
  beforeAll(() => startEngine('webgpu'));

  for (const [batch, height, width, inChannels, outChannels, filter, strides, pad, dataFormat] of [
    [2, 6, 8, 3, 5, [3, 3], 1, 'same', 'NHWC'],
    [3, 7, 5, 1, 4, [2, 3], [2, 1], 'valid', 'NHWC'],
    [1, 9, 9, 4, 1, [3, 3], 2, 1, 'NHWC'],
    [40, 28, 28, 1, 2, [3, 3], 1, 'same', 'NHWC'],
    [2, 4, 4, 8, 8, [1, 1], 1, 'valid', 'NHWC'],
    [2, 6, 6, 3, 2, [3, 3], 1, 1, 'NCHW'],
  ] as const) {
    const first = dataFormat === 'NCHW';
    const shape = first ? [batch, inChannels, height, width] : [batch, height, width, inChannels];
    it(`[${shape}] to ${outChannels}, filter ${filter}, strides ${strides}, pad ${pad}, ${dataFormat}`, async () => {
      const normal = (size: readonly number[], seed: number): Tensor =>
        tensor(
          createRng(seed).normalArray(
            size.reduce((a, b) => a * b, 1),
            1,
          ),
          [...size],
        );
      const gradient = async (engine: 'cpu' | 'webgpu'): Promise<ArrayLike<number>> => {
        await startEngine(engine);
        // tfjs's cpu engine knows no channels first.
        const order = engine === 'cpu' ? 'NHWC' : dataFormat;
        const [x, weights] = [normal([batch, height, width, inChannels], 1), [...filter, inChannels, outChannels]];
        const images = order === 'NCHW' ? transpose(x, [0, 3, 1, 2]) : x;
        const output = (f: Tensor): Tensor =>
          conv2d(images as Tensor4D, f as Tensor4D, strides as 1, pad as 'same', order);
        const outShape = output(normal(weights, 2)).shape;
        const [n, a, b, c] = outShape as [number, number, number, number];
        const dy = normal(order === 'NCHW' ? [n, b, c, a] : [n, a, b, c], 3);
        const slope = order === 'NCHW' ? transpose(dy, [0, 3, 1, 2]) : dy;
        return grad((f: Tensor) => sum(mul(output(f), slope)))(normal(weights, 2)).data();
      };
      await expectClose(await gradient('webgpu'), await gradient('cpu'), tolerances.float32);
    });
  }
});
