import { grads, mul, randomNormal, sum, type Tensor, tensor1d } from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, gradientError, tolerances } from '@vqkit/testing';
import { expect, it } from 'vitest';
import { elu } from '../../src/index.ts';

eachEngine(() => {
  // 1,003 values: every tail of a SIMD loop.
  const xs = Float32Array.from({ length: 1003 }, (_, i) => (i - 701) / 100);

  it('is x above 0 and e^x - 1 below, with the gradient 1 and e^x', async () => {
    const x = tensor1d(xs);
    const dy = randomNormal([xs.length], 0, 1, 'float32', 3);
    const g = await dy.data();
    const [dx] = grads((t: Tensor) => sum(mul(elu(t), dy)))([x]);
    await expectClose(
      elu(x),
      xs.map((v) => (v > 0 ? v : Math.expm1(v))),
      tolerances.float32,
    );
    await expectClose(
      dx as Tensor,
      xs.map((v, i) => (v > 0 ? 1 : Math.exp(v)) * (g[i] as number)),
      tolerances.float32,
    );
    expect(await gradientError((t) => sum(elu(t)), tensor1d([-2, -0.5, 0.3, 1.7]))).toBeLessThan(
      tolerances.finiteDifference,
    );
  });

  it('is -1 far below 0, and x far above', async () => {
    await expectClose(elu(tensor1d([-1e30, -100, 1e4])), [-1, -1, 1e4], tolerances.float32);
  });
});
