import {
  add,
  div,
  minimum,
  mul,
  type Scalar,
  scalar,
  sqrt,
  square,
  stack,
  type Tensor,
  tidy,
} from '@tensorflow/tfjs-core';
import { sum } from '@vqkit/core-tensor';

/** Norm of all gradients as one vector, √(Σ g²). NaN or infinite as soon as one element is. */
export function globalNorm(gradients: Readonly<Record<string, Tensor>>): Scalar {
  return tidy(() => {
    const squares = Object.values(gradients).map((gradient) => sum(square(gradient)));
    return squares.length === 0 ? scalar(0) : sqrt(sum(stack(squares)));
  });
}

/**
 * Scales gradients down to a global norm of at most maxNorm, as torch.nn.utils.clip_grad_norm_: by min(1, maxNorm / (norm +
 * 1e-6)). Returns new tensors.
 */
export function clipByGlobalNorm(
  gradients: Readonly<Record<string, Tensor>>,
  norm: Scalar,
  maxNorm: number,
): Record<string, Tensor> {
  return tidy(() => {
    const factor = minimum(div(maxNorm, add(norm, 1e-6)), 1);
    return Object.fromEntries(Object.entries(gradients).map(([name, gradient]) => [name, mul(gradient, factor)]));
  });
}
