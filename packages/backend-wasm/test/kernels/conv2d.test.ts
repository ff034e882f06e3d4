import {
  conv2d,
  fused,
  grads,
  mul,
  randomNormal,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { convSame } from '@vqkit/nn';
import { startEngine } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { init } from '../../src/index.ts';
import { expectAsOnCpu } from '../compare.ts';

type Pad = 'same' | 'valid' | number;

/** height, width, channels, output channels, filter, stride, padding; batch 3. */
const cases: [number, number, number, number, [number, number], number | [number, number], Pad][] = [
  [5, 7, 3, 5, [3, 3], 1, 'same'],
  [28, 28, 1, 16, [3, 3], 1, 'same'],
  [14, 14, 16, 32, [3, 3], 1, 'same'],
  [7, 7, 32, 3, [1, 1], 1, 'same'],
  [7, 7, 3, 32, [3, 3], 1, 'same'],
  [8, 9, 16, 1, [3, 3], 1, 'same'],
  [9, 8, 1, 16, [3, 3], 2, 'same'],
  [8, 8, 2, 9, [4, 4], 2, 'same'],
  [6, 6, 4, 1, [2, 2], 2, 'valid'],
  [8, 9, 5, 7, [5, 3], 3, 2],
  [7, 9, 3, 12, [3, 5], [2, 1], 1],
  [4, 4, 2, 3, [1, 1], 2, 'valid'],
  [1, 1, 5, 6, [3, 3], 1, 'same'],
  [3, 40, 6, 10, [1, 7], 1, 'same'],
  [6, 7, 1, 1, [3, 3], 1, 'valid'],
  [5, 5, 3, 2, [2, 2], 1, 3],
  // More pixels than are taken at a time.
  [1, 1100, 3, 9, [1, 7], 1, 'same'],
  [33, 40, 2, 8, [3, 3], 1, 'same'],
  // Many channels on both sides, packed for the filter's gradient.
  [9, 8, 32, 40, [3, 3], 2, 'same'],
  [17, 13, 40, 32, [3, 5], 2, 1],
  [16, 17, 48, 32, [1, 1], 1, 'same'],
];

beforeAll(() => init({ threads: 1, replaceTfjs: true }));

describe('Conv2D and its gradients', () => {
  for (const [height, width, channels, outChannels, filter, stride, pad] of cases) {
    it(`[${height}, ${width}, ${channels}] → ${outChannels}, filter ${filter}, stride ${stride}, pad ${pad}`, async () => {
      await expectAsOnCpu(() => {
        const x = randomNormal([3, height, width, channels], 0, 1, 'float32', 1) as Tensor4D;
        const f = randomNormal([...filter, channels, outChannels], 0, 1, 'float32', 2) as Tensor4D;
        const y = conv2d(x, f, stride, pad);
        const dy = randomNormal(y.shape, 0, 1, 'float32', 3);
        const loss = (a: Tensor, b: Tensor): Tensor => sum(mul(conv2d(a as Tensor4D, b as Tensor4D, stride, pad), dy));
        return [y, ...grads(loss)([x, f])];
      });
    });
  }

  for (const dilations of [2, [1, 3], [3, 2]] as const) {
    it(`dilation ${dilations}`, async () => {
      await expectAsOnCpu(() => {
        const x = randomNormal([2, 11, 12, 5], 0, 1, 'float32', 1) as Tensor4D;
        return [9, 3].map((outChannels) => {
          const f = randomNormal([3, 2, 5, outChannels], 0, 1, 'float32', 2) as Tensor4D;
          return conv2d(x, f, 1, 'same', 'NHWC', dilations as number | [number, number]);
        });
      });
    });
  }

  it('takes more tiles than one block has, and many channels of one tap', async () => {
    await expectAsOnCpu(() => {
      const x = randomNormal([5, 17, 9, 32], 0, 1, 'float32', 1) as Tensor4D;
      return [3, 1].flatMap((side) => {
        const filter = randomNormal([side, side, 32, 32], 0, 1, 'float32', 2) as Tensor4D;
        const bias = randomNormal([32], 0, 1, 'float32', 3) as Tensor1D;
        const run = (a: Tensor, f: Tensor): Tensor4D => convSame(a as Tensor4D, f as Tensor4D, bias, { upsample: 1 });
        const y = run(x, filter);
        const dy = randomNormal(y.shape, 0, 1, 'float32', 4);
        return [y, ...grads((a, f) => sum(mul(run(a, f), dy)))([x, filter])];
      });
    });
  });

  it('cuts a large image into bands', async () => {
    await expectAsOnCpu(() => {
      const x = randomNormal([1, 150, 101, 8], 0, 1, 'float32', 1) as Tensor4D;
      const f = (outChannels: number): Tensor4D => randomNormal([3, 3, 8, outChannels], 0, 1, 'float32', 2);
      return [conv2d(x, f(10), 1, 'same'), conv2d(x, f(2), 1, 'same'), conv2d(x, f(9), 2, 'same')];
    });
  });

  for (const activation of ['linear', 'relu', 'elu'] as const) {
    it(`with a bias and ${activation}`, async () => {
      await expectAsOnCpu(() =>
        [12, 3].map((outChannels) => {
          const x = randomNormal([2, 7, 6, 4], 0, 1, 'float32', 1) as Tensor4D;
          const filter = randomNormal([3, 3, 4, outChannels], 0, 1, 'float32', 2) as Tensor4D;
          const bias = randomNormal([outChannels], 0, 1, 'float32', 3) as Tensor1D;
          return fused.conv2d({ x, filter, strides: 1, pad: 'same', bias, activation });
        }),
      );
    });
  }

  it('explains that channels first is not there', async () => {
    await startEngine('wasm');
    const x = randomNormal([1, 2, 5, 5]) as Tensor4D;
    const filter = randomNormal([3, 3, 2, 2]) as Tensor4D;
    expect(() => conv2d(x, filter, 1, 'same', 'NCHW')).toThrow(
      "conv2d: dataFormat must be 'NHWC' on the wasm engine, got 'NCHW'. Transpose to channels last.",
    );
  });
});
