import {
  depthwiseConv2d,
  engine,
  grads,
  mul,
  type NamedAttrMap,
  type NamedTensorMap,
  randomNormal,
  sum,
  type Tensor,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { expectClose, startEngine, tolerances } from '@vqkit/testing';
import { describe, it } from 'vitest';
import { expectAsOnCpu } from '../compare.ts';

type Pair = [number, number];

describe('the gradients of depthwise convolution', () => {
  for (const [height, width, channels, multiplier, filter, stride, pad] of [
    [9, 8, 8, 1, [3, 3], 1, 'same'],
    [7, 9, 5, 1, [3, 2], 2, 'valid'],
    [8, 8, 6, 2, [3, 3], 1, 'same'],
    [9, 9, 3, 3, [2, 3], 2, 'same'],
  ] as const) {
    it(`[${height}, ${width}, ${channels}] × ${multiplier}, filter ${filter}, stride ${stride}, pad ${pad}`, async () => {
      await expectAsOnCpu(() => {
        const x = randomNormal([3, height, width, channels], 0, 1, 'float32', 1);
        const f = randomNormal([...filter, channels, multiplier], 0, 1, 'float32', 2);
        const conv = (a: Tensor, b: Tensor): Tensor => depthwiseConv2d(a as Tensor4D, b as Tensor4D, stride, pad);
        const y = conv(x, f);
        const dy = randomNormal(y.shape, 0, 1, 'float32', 3);
        return [y, ...grads((a: Tensor, b: Tensor) => sum(mul(conv(a, b), dy)))([x, f])];
      });
    });
  }

  // tfjs-core refuses to differentiate through dilations and the cpu engine's kernels ignore them: the loops, written out.
  for (const [dilations, multiplier] of [
    [[2, 2], 1],
    [[1, 3], 2],
  ] as [Pair, number][]) {
    it(`dilations ${dilations}, × ${multiplier}`, async () => {
      await startEngine('wasm');
      const [batch, height, width, channels, taps] = [2, 7, 8, 5, 3];
      const [outHeight, outWidth] = [height - 2 * dilations[0], width - 2 * dilations[1]];
      const x = randomNormal([batch, height, width, channels], 0, 1, 'float32', 1);
      const filter = randomNormal([taps, taps, channels, multiplier], 0, 1, 'float32', 2);
      const dy = randomNormal([batch, outHeight, outWidth, channels * multiplier], 0, 1, 'float32', 3);
      const [xs, ws, dys] = [await x.data(), await filter.data(), await dy.data()];
      const [dx, dw] = [new Float64Array(x.size), new Float64Array(filter.size)];
      for (const [i, slope] of dys.entries()) {
        const o = i % (channels * multiplier);
        const [c, m] = [Math.floor(o / multiplier), o % multiplier];
        const pixel = Math.floor(i / (channels * multiplier));
        const [ox, oy] = [pixel % outWidth, Math.floor(pixel / outWidth) % outHeight];
        const n = Math.floor(pixel / (outWidth * outHeight));
        for (let k = 0; k < taps * taps; k++) {
          const y = oy + Math.floor(k / taps) * dilations[0];
          const from = ((n * height + y) * width + ox + (k % taps) * dilations[1]) * channels + c;
          const weight = (k * channels + c) * multiplier + m;
          dx[from] = (dx[from] as number) + slope * (ws[weight] as number);
          dw[weight] = (dw[weight] as number) + slope * (xs[from] as number);
        }
      }
      const attrs = { strides: 1, pad: 'valid', dilations, inputShape: x.shape, filterShape: filter.shape };
      const run = (name: string, inputs: NamedTensorMap): Tensor =>
        engine().runKernel(name, inputs, attrs as unknown as NamedAttrMap) as Tensor;
      await expectClose(run('DepthwiseConv2dNativeBackpropInput', { dy, filter }), dx, tolerances.float32);
      await expectClose(run('DepthwiseConv2dNativeBackpropFilter', { x, dy }), dw, tolerances.float32);
    });
  }
});
