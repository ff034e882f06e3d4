import { grads, mul, randomNormal, sum, type Tensor, tensor1d } from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, gradientError, tolerances } from '@vqkit/testing';
import { expect, it } from 'vitest';
import { silu } from '../../src/index.ts';

eachEngine(() => {
  // 1,003 values: every tail of a SIMD loop.
  const xs = Float32Array.from({ length: 1003 }, (_, i) => (i - 501) / 40);
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

  it('is x σ(x), with its gradient', async () => {
    const x = tensor1d(xs);
    const dy = randomNormal([xs.length], 0, 1, 'float32', 3);
    const g = await dy.data();
    await expectClose(
      silu(x),
      [...xs].map((v) => v * sigmoid(v)),
      tolerances.float32,
    );
    const [dx] = grads((t: Tensor) => sum(mul(silu(t), dy)))([x]);
    const slope = (v: number): number => sigmoid(v) * (1 + v * (1 - sigmoid(v)));
    await expectClose(
      dx as Tensor,
      [...xs].map((v, i) => slope(v) * (g[i] as number)),
      tolerances.float32,
    );
    expect(await gradientError((t) => sum(silu(t)), tensor1d([-2, -0.5, 0, 0.3, 1.7]))).toBeLessThan(
      tolerances.finiteDifference,
    );
  });

  it('is x or 0 far from 0, and keeps NaN', async () => {
    const x = tensor1d([-1e4, -100, 100, 1e4]);
    await expectClose(silu(x), [0, 0, 100, 1e4], tolerances.float32);
    const [dx] = grads((t: Tensor) => sum(silu(t)))([x]);
    await expectClose(dx as Tensor, [0, 0, 1, 1], tolerances.float32);
    await expectClose(silu(tensor1d([Number.NaN, 1])), [Number.NaN, sigmoid(1)], tolerances.float32);
  });
});
