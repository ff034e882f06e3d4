import { grad, sum, type Tensor, tanh, tensor1d } from '@tensorflow/tfjs-core';
import { engineMissing, expectClose, expectSame, startEngine, tolerances } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';

const missing = engineMissing('webgpu');

describe.skipIf(missing !== undefined)(missing === undefined ? 'tanh' : `tanh: skipped, ${missing}`, () => {
  beforeAll(() => startEngine('webgpu'));

  it('has every digit of every number, small ones too', async () => {
    const sizes = Array.from({ length: 400 }, (_, i) => 2 ** (-100 + i / 3.9));
    const x = Float32Array.from([...sizes, ...sizes.map((value) => -value)]);
    const y = await tanh(tensor1d(x)).data();
    for (const [i, value] of x.entries()) {
      const exact = Math.tanh(value);
      expect(Math.abs((y[i] as number) - exact) / Math.abs(exact), `tanh(${value})`).toBeLessThan(4 * 2 ** -23);
    }
  });

  it('ends at 1 and -1, and keeps 0 and NaN', async () => {
    const x = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, Number.NaN, 3e38];
    await expectSame(tanh(tensor1d(x)), [1, -1, 0, Number.NaN, 1]);
  });

  it('has the gradient 1 - tanh²', async () => {
    const x = [-2, -0.1, 0, 0.3, 1];
    const dx = grad((z: Tensor) => sum(tanh(z)))(tensor1d(x));
    await expectClose(
      dx,
      x.map((value) => 1 - Math.tanh(value) ** 2),
      tolerances.float32,
    );
  });
});
