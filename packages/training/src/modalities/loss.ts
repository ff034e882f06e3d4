import { abs, clipByValue, div, mean, mul, type Scalar, sign, square, sub, type Tensor } from '@tensorflow/tfjs-core';
import { defineKernel } from '@vqkit/core-tensor';
import type { LossOptions } from '../modality.ts';

/** Mean |x|, with PyTorch's gradient of 0 at 0 (tfjs's own `abs` has -1 there, which equal background pixels would feel). */
const MeanAbsolute = defineKernel<{ x: Tensor }, Record<string, never>, [Scalar]>({
  name: 'MeanAbsolute',
  reference: ({ x }) => [meanOfExamples(abs(x))],
  inputsToSave: ['x'],
  gradient: ([dy], [x]) => ({ x: () => mul(sign(x as Tensor), div(dy as Tensor, (x as Tensor).size)) }),
});

/** `l1`: mean |output - examples|; `mse`: mean (output - examples)². Means over all numbers; `clampOutput` first cuts the output to [-1, 1]. */
export function reconstructionLoss(
  output: Tensor,
  examples: Tensor,
  { loss, clampOutput = false }: LossOptions,
): Scalar {
  const difference = sub(clampOutput ? clipByValue(output, -1, 1) : output, examples);
  return loss === 'mse' ? meanOfExamples(square(difference)) : MeanAbsolute({ x: difference }, {})[0];
}

/** The mean example by example: one float32 sum over a whole batch would lose the last two digits. */
function meanOfExamples(numbers: Tensor): Scalar {
  const inner = Array.from({ length: numbers.rank - 1 }, (_, i) => i + 1);
  return mean(mean(numbers, inner));
}
