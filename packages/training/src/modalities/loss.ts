import {
  abs,
  add,
  clipByValue,
  div,
  mul,
  type Scalar,
  scalar,
  sign,
  slice,
  square,
  sub,
  type Tensor,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { defineKernel, mean } from '@vqkit/core-tensor';
import type { LossOptions } from '../modality.ts';
import { msSsim } from './ms-ssim.ts';

/** Mean |x|, with PyTorch's gradient of 0 at 0 (tfjs's own `abs` has -1 there, which equal background pixels would feel). */
const MeanAbsolute = defineKernel<{ x: Tensor }, Record<string, never>, [Scalar]>({
  name: 'MeanAbsolute',
  reference: ({ x }) => [meanOfExamples(abs(x))],
  inputsToSave: ['x'],
  gradient: ([dy], [x]) => ({ x: () => mul(sign(x as Tensor), div(dy as Tensor, (x as Tensor).size)) }),
});

/** Mean |x| over all numbers. */
export function meanAbsolute(x: Tensor): Scalar {
  return MeanAbsolute({ x }, {})[0];
}

/** `l1`: mean |output - examples|; `mse`: mean (output - examples)²; `l1+mse`: their sum. Means over all numbers; `clampOutput` first cuts the output to [-1, 1]. */
export function reconstructionLoss(
  output: Tensor,
  examples: Tensor,
  { loss, clampOutput = false }: LossOptions,
): Scalar {
  const difference = sub(clampOutput ? clipByValue(output, -1, 1) : output, examples);
  const absolute = (): Scalar => meanAbsolute(difference);
  const squared = (): Scalar => meanOfExamples(square(difference));
  if (loss === 'l1') return absolute();
  return loss === 'mse' ? squared() : add(absolute(), squared());
}

/**
 * {@link reconstructionLoss} of images, with `ssimWeight` · (1 - MS-SSIM) and `gradientWeight` · the mean absolute difference of the steps from each pixel to
 * the next, right and down.
 */
export function imageLoss(output: Tensor, examples: Tensor, options: LossOptions): Scalar {
  const { ssimWeight = 0, gradientWeight = 0, clampOutput = false } = options;
  const shown = clampOutput ? clipByValue(output, -1, 1) : output;
  const difference = sub(shown, examples) as Tensor4D;
  const terms = [
    reconstructionLoss(output, examples, options),
    ...(gradientWeight === 0 ? [] : [mul(gradientDifference(difference), gradientWeight)]),
    ...(ssimWeight === 0 ? [] : [mul(sub(1, msSsim(shown as Tensor4D, examples as Tensor4D)), ssimWeight)]),
  ] as [Scalar, ...Scalar[]];
  return terms.reduce((sum, term) => add(sum, term));
}

/** The mean of both directions; of images of one row or column, of one. */
function gradientDifference(difference: Tensor4D): Scalar {
  const [count, height, width, channels] = difference.shape;
  const step = ([down, across]: readonly [number, number]): Scalar => {
    const size: [number, number, number, number] = [count, height - down, width - across, channels];
    const steps = sub(slice(difference, [0, down, across, 0], size), slice(difference, [0, 0, 0, 0], size));
    return meanAbsolute(steps);
  };
  const steps = (
    [
      [1, 0],
      [0, 1],
    ] as const
  )
    .filter(([down, across]) => height > down && width > across)
    .map(step);
  const [first, second = first] = steps;
  return first === undefined ? scalar(0) : mul(add(first, second as Scalar), 0.5);
}

/** The mean example by example: one float32 sum over a whole batch would lose the last two digits. */
function meanOfExamples(numbers: Tensor): Scalar {
  const inner = Array.from({ length: numbers.rank - 1 }, (_, i) => i + 1);
  return mean(mean(numbers, inner));
}
