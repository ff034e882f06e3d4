import { add, div, mul, sqrt, square, sub, type Tensor } from '@tensorflow/tfjs-core';
import { type AdamWAttrs, defineKernel } from '@vqkit/core-tensor';

/** One parameter and what AdamW keeps of it, all of one shape. */
interface AdamWInputs {
  readonly [name: string]: Tensor;
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  readonly m: Tensor;
  readonly v: Tensor;
}

export interface AdamWStepOptions {
  /** α of this step (schedules are the caller's). */
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Added to the root of the second moment, after its bias correction. */
  readonly epsilon: number;
  /** λ: the parameter shrinks by α·λ, apart from the gradient. */
  readonly weightDecay: number;
  /** Number of this step, from 1. */
  readonly step: number;
}

const AdamWStep = defineKernel<AdamWInputs, AdamWAttrs, [parameter: Tensor, m: Tensor, v: Tensor]>({
  name: 'AdamWStep',
  reference: ({ parameter, gradient, m, v }, { beta1, beta2, decay, rate, rootScale, epsilon }) => {
    const nextM = add(mul(m, beta1), mul(gradient, 1 - beta1));
    const nextV = add(mul(v, beta2), mul(square(gradient), 1 - beta2));
    const change = div(mul(nextM, rate), add(mul(sqrt(nextV), rootScale), epsilon));
    return [sub(mul(parameter, decay), change), nextM, nextV];
  },
});

/**
 * One step of AdamW for one parameter: new parameter and new moments, all of the parameter's shape. No gradient.
 *
 * ```
 * m' = β₁ m + (1 - β₁) g        v' = β₂ v + (1 - β₂) g²
 * p' = p (1 - α λ) - α · (m' / (1 - β₁ᵗ)) / (√(v' / (1 - β₂ᵗ)) + ε)
 * ```
 *
 * Equals PyTorch's `torch.optim.AdamW`. Source: Loshchilov, Hutter, "Decoupled Weight Decay Regularization", arXiv:1711.05101.
 * @example
 * const [p, mean, square] = adamWStep({ parameter, gradient, m, v }, { learningRate: 3e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, step: 1 });
 */
export function adamWStep(
  inputs: { parameter: Tensor; gradient: Tensor; m: Tensor; v: Tensor },
  { learningRate, beta1, beta2, epsilon, weightDecay, step }: AdamWStepOptions,
): [parameter: Tensor, m: Tensor, v: Tensor] {
  // In float64, whatever the engine computes in.
  return AdamWStep(inputs, {
    beta1,
    beta2,
    decay: 1 - learningRate * weightDecay,
    rate: learningRate / (1 - beta1 ** step),
    rootScale: 1 / Math.sqrt(1 - beta2 ** step),
    epsilon,
  });
}
