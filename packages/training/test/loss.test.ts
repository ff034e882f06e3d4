import { grads, type Scalar, sub, type Tensor, type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';
import { ssim } from '@vqkit/metrics';
import { eachEngine, expectClose, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { imageLoss, reconstructionLoss } from '../src/modalities/loss.ts';
import { msSsim, scalesOf } from '../src/modalities/ms-ssim.ts';
import goldens from './files/image-losses.json' with { type: 'json' };

eachEngine(() => {
  describe('reconstructionLoss', () => {
    const images = (): Tensor4D => tensor4d([-1, 0.5, 0, 1], [1, 2, 2, 1]);
    const output = (): Tensor4D => tensor4d([-1.5, 0.25, 0, 0.5], [1, 2, 2, 1]);

    it.each([
      ['mse', false, (0.25 + 0.0625 + 0 + 0.25) / 4, [-0.25, -0.125, 0, -0.25]],
      ['mse', true, (0 + 0.0625 + 0 + 0.25) / 4, [0, -0.125, 0, -0.25]],
      ['l1+mse', false, (0.75 + 0.3125 + 0 + 0.75) / 4, [-0.5, -0.375, 0, -0.5]],
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

  describe('imageLoss', () => {
    it.each(['ssimWeight', 'gradientWeight'] as const)(
      '%s adds the value and the gradient of PyTorch',
      async (weight) => {
        const { value, every61st } = goldens[weight];
        const [output, examples] = waves();
        const added = (out: Tensor): Scalar =>
          sub(
            imageLoss(out, examples, { loss: 'mse', [weight]: 2 }),
            reconstructionLoss(out, examples, { loss: 'mse' }),
          );
        await expectClose(added(output), [2 * value], tolerances.float32);
        const [dx] = grads(added)([output]);
        const found = (await (dx as Tensor).data()).filter((_, i) => i % 61 === 0);
        // Gradients of single pixels are small beside those of the loss they are the difference of.
        const most = Math.max(...every61st.map(Math.abs));
        for (const [i, g] of every61st.entries())
          expect(Math.abs((found[i] as number) / 2 - g)).toBeLessThan(2e-4 * most);
      },
    );

    it('compares at one scale as the metric does', async () => {
      const [output, examples] = waves([2, 16, 13, 3]);
      expect([scalesOf(16, 13), scalesOf(10, 64), scalesOf(64, 64), scalesOf(256, 256)]).toEqual([1, 0, 3, 5]);
      const metric = ssim(await examples.data(), await output.data(), {
        width: 13,
        height: 16,
        channels: 3,
        dataRange: 2,
      });
      await expectClose(msSsim(output, examples), [metric], tolerances.float32);
      await expectClose(msSsim(examples, examples), [1], tolerances.float32);
    });
  });
});

/** As in files/make.py. */
function waves([batch, height, width, channels]: number[] = goldens.shape): [Tensor4D, Tensor4D] {
  const shape = [batch, height, width, channels] as [number, number, number, number];
  const over = (value: (n: number, y: number, x: number, c: number) => number): Tensor4D =>
    tensor4d(
      Float32Array.from({ length: shape.reduce((product, length) => product * length) }, (_, i) => {
        const [c, x] = [i % shape[3], Math.floor(i / shape[3]) % shape[2]];
        const row = Math.floor(i / shape[3] / shape[2]);
        return value(Math.floor(row / shape[1]), row % shape[1], x, c);
      }),
      shape,
    );
  const clean = (n: number, y: number, x: number, c: number): number =>
    0.7 * Math.sin(0.3 * y * (c + 1) + 0.2 * x * (n + 1) + c);
  return [over((n, y, x, c) => clean(n, y, x, c) + 0.25 * Math.cos(1.7 * y + 2.3 * x * (c + 1) + n)), over(clean)];
}
