import {
  grads,
  image,
  mul,
  randomNormal,
  range,
  reshape,
  sum,
  type Tensor,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { expectClose, startEngine, tolerances } from '@vqkit/testing';
import { describe, it } from 'vitest';
import { expectAsOnCpu } from '../compare.ts';

const sizes: [[number, number], [number, number]][] = [
  [
    [7, 7],
    [14, 14],
  ],
  [
    [3, 5],
    [9, 5],
  ],
  [
    [5, 4],
    [7, 11],
  ],
  [
    [8, 6],
    [3, 2],
  ],
];

for (const [alignCorners, halfPixelCenters] of [
  [false, false],
  [true, false],
  [false, true],
] as const) {
  describe(`ResizeNearestNeighbor, alignCorners ${alignCorners}, halfPixelCenters ${halfPixelCenters}`, () => {
    for (const [[height, width], size] of sizes) {
      for (const channels of [1, 6, 16]) {
        const resize = (x: Tensor): Tensor4D =>
          image.resizeNearestNeighbor(x as Tensor4D, size, alignCorners, halfPixelCenters);

        it(`[${height}, ${width}, ${channels}] → [${size}]`, async () => {
          await expectAsOnCpu(() => resize(randomNormal([3, height, width, channels], 0, 1, 'float32', 1)), 0);
        });

        // tfjs's gradient on cpu is wrong from the second image on. The map only copies, so
        // that resizing the positions themselves tells where each element of dy belongs.
        it(`gradient of [${height}, ${width}, ${channels}] → [${size}]`, async () => {
          await startEngine('wasm');
          const x = randomNormal([2, height, width, channels], 0, 1, 'float32', 1);
          const dy = randomNormal([2, ...size, channels], 0, 1, 'float32', 2);
          const [dx] = grads((t: Tensor) => sum(mul(resize(t), dy)))([x]);
          const source = await resize(reshape(range(0, x.size), x.shape)).data();
          const slopes = await dy.data();
          const expected = new Float64Array(x.size);
          for (const [i, from] of source.entries()) expected[from] = (expected[from] ?? 0) + (slopes[i] as number);
          await expectClose(dx as Tensor, expected, tolerances.float32);
        });
      }
    }
  });
}
