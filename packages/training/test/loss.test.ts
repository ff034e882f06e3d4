import { grads, type Scalar, type Tensor, type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, tolerances } from '@vqkit/testing';
import { describe, it } from 'vitest';
import { reconstructionLoss } from '../src/modalities/loss.ts';

eachEngine(() => {
  describe('reconstructionLoss', () => {
    const images = (): Tensor4D => tensor4d([-1, 0.5, 0, 1], [1, 2, 2, 1]);
    const output = (): Tensor4D => tensor4d([-1.5, 0.25, 0, 0.5], [1, 2, 2, 1]);

    it.each([
      ['mse', false, (0.25 + 0.0625 + 0 + 0.25) / 4, [-0.25, -0.125, 0, -0.25]],
      ['mse', true, (0 + 0.0625 + 0 + 0.25) / 4, [0, -0.125, 0, -0.25]],
      ['l1', false, (0.5 + 0.25 + 0 + 0.5) / 4, [-0.25, -0.25, 0, -0.25]],
      ['l1', true, (0 + 0.25 + 0 + 0.5) / 4, [0, -0.25, 0, -0.25]],
    ] as const)('%s, clamped: %s, has the value and gradient of PyTorch', async (loss, clamp, value, gradient) => {
      await expectClose(
        reconstructionLoss(output(), images(), { loss, clampOutput: clamp }),
        [value],
        tolerances.float32,
      );
      const [dx] = grads(
        (out: Tensor) => reconstructionLoss(out as Tensor4D, images(), { loss, clampOutput: clamp }) as Scalar,
      )([output()]);
      await expectClose(dx as Tensor, gradient, tolerances.float32);
    });
  });
});
