import { abs, clipByValue, div, mean, mul, type Scalar, sign, square, sub, type Tensor } from '@tensorflow/tfjs-core';
import { defineKernel } from '@vqkit/core-tensor';
import type { LossOptions } from '../../modality.ts';

/** Mean |x|, with PyTorch's gradient of 0 at 0 (tfjs's own `abs` has -1 there, which equal background pixels would feel). */
const MeanAbsolute = defineKernel<{ x: Tensor }, Record<string, never>, [Scalar]>({
  name: 'MeanAbsolute',
  reference: ({ x }) => [meanOfImages(abs(x))],
  inputsToSave: ['x'],
  gradient: ([dy], [x]) => ({ x: () => mul(sign(x as Tensor), div(dy as Tensor, (x as Tensor).size)) }),
});

/** `l1`: mean |output - images|; `mse`: mean (output - images)². Means over all pixels; `clampOutput` first cuts the output to [-1, 1]. */
export function reconstructionLoss(output: Tensor, images: Tensor, { loss, clampOutput }: LossOptions): Scalar {
  const difference = sub(clampOutput ? clipByValue(output, -1, 1) : output, images);
  return loss === 'mse' ? meanOfImages(square(difference)) : MeanAbsolute({ x: difference }, {})[0];
}

/** The mean image by image: one float32 sum over a whole batch would lose the last two digits. */
function meanOfImages(pixels: Tensor): Scalar {
  return mean(mean(pixels, [1, 2, 3]));
}
