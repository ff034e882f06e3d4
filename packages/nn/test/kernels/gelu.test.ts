import { grads, mul, randomNormal, sum, type Tensor, tensor1d } from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, gradientError, tolerances } from '@vqkit/testing';
import { expect, it } from 'vitest';
import { gelu } from '../../src/index.ts';

/** erf in float64: its Maclaurin series, exact enough for |x| <= 4 (terms up to 1e6, so 1e-10 is left). */
function erf(x: number): number {
  let [term, total] = [x, x];
  for (let n = 1; n < 120; n++) {
    term *= (-x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}

eachEngine(() => {
  // 1,003 values: every tail of a SIMD loop.
  const xs = Float32Array.from({ length: 1003 }, (_, i) => (i - 501) / 100);
  const cdf = (x: number): number => (1 + erf(x / Math.SQRT2)) / 2;

  it('is x Φ(x)', async () => {
    const x = tensor1d(xs);
    await expectClose(
      gelu(x),
      [...xs].map((v) => v * cdf(v)),
      tolerances.float32,
    );
  });

  it('has the gradient Φ(x) + x φ(x)', async () => {
    const x = tensor1d(xs);
    const dy = randomNormal([xs.length], 0, 1, 'float32', 3);
    const g = await dy.data();
    const [dx] = grads((t: Tensor) => sum(mul(gelu(t), dy)))([x]);
    const density = (v: number): number => Math.exp(-(v * v) / 2) / Math.sqrt(2 * Math.PI);
    await expectClose(
      dx as Tensor,
      [...xs].map((v, i) => (cdf(v) + v * density(v)) * (g[i] as number)),
      tolerances.float32,
    );
    expect(await gradientError((t) => sum(gelu(t)), tensor1d([-2, -0.5, 0, 0.3, 1.7]))).toBeLessThan(
      tolerances.finiteDifference,
    );
  });

  it('is x or 0, with slope 1 or 0, far from 0', async () => {
    const x = tensor1d([-1e4, -12, 12, 1e4]);
    await expectClose(gelu(x), [0, 0, 12, 1e4], tolerances.float32);
    const [dx] = grads((t: Tensor) => sum(gelu(t)))([x]);
    await expectClose(dx as Tensor, [0, 0, 1, 1], tolerances.float32);
  });

  it('keeps NaN', async () => {
    await expectClose(gelu(tensor1d([Number.NaN, 1])), [Number.NaN, cdf(1)], tolerances.float32);
  });
});
