import { grad, mul, sum, type Tensor, type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { eachEngine, expectIdentical } from '@vqkit/testing';
import { expect, it } from 'vitest';
import { maxPool2d } from '../../src/kernels/max-pool.ts';

eachEngine(() => {
  // Rounded: windows with ties. Below -3: windows of negative numbers alone.
  for (const [numbers, of] of [
    ['normal numbers', (x: number) => x],
    ['ties', (x: number) => Math.round(x) + 0],
    ['negative numbers', (x: number) => x - 5],
  ] as const) {
    it(`maxPool2d takes the largest of 2 × 2 ${numbers} and gives the first such place the gradient`, async () => {
      for (const [height, width, channels] of [
        [6, 8, 4],
        [7, 5, 3],
      ] as const) {
        const size = 2 * height * width * channels;
        const values = Float32Array.from(createRng(1).normalArray(size, 1), of);
        const [down, across] = [Math.floor(height / 2), Math.floor(width / 2)];
        const slopes = createRng(2).normalArray(2 * down * across * channels, 1);
        const [expected, dx] = [new Float32Array(slopes.length), new Float32Array(size)];
        for (const [at, slope] of slopes.entries()) {
          const [n, i, j, c] = [
            Math.floor(at / (down * across * channels)),
            Math.floor(at / (across * channels)) % down,
            Math.floor(at / channels) % across,
            at % channels,
          ];
          const places = [0, 1, 2, 3].map(
            (k) => ((n * height + 2 * i + (k >> 1)) * width + 2 * j + (k & 1)) * channels + c,
          );
          const most = Math.max(...places.map((place) => values[place] as number));
          expected[at] = most;
          dx[places.find((place) => values[place] === most) as number] = slope;
        }
        const x = tensor4d(values, [2, height, width, channels]);
        const y = maxPool2d(x);
        expect(y.shape).toEqual([2, down, across, channels]);
        await expectIdentical(y, expected);
        const dy = tensor4d(slopes, [2, down, across, channels]);
        await expectIdentical(grad((t: Tensor) => sum(mul(maxPool2d(t as Tensor4D), dy)))(x), dx);
      }
    });
  }
});
