import { customGrad, engine, sum, type Tensor, type Tensor2D, tidy, type Variable, zeros } from '@tensorflow/tfjs-core';
import type { Quantizer } from '@vqkit/core-tensor';

/** The value of q, bit for bit; the whole gradient goes to x, and the whole gradient to q as well. */
export function passGradient(x: Tensor2D, q: Tensor2D): Tensor2D {
  const pass = customGrad((_x, inner) => ({
    value: (inner as Tensor).clone(),
    gradFunc: (dy: Tensor) => [dy.clone(), dy.clone()],
  }));
  return pass(x, q) as Tensor2D;
}

/** Whether `quantized` is a function of the quantizer's variables to the tape: projections are, codebooks are not. */
export function trainsThroughQuantized(quantizer: Quantizer): boolean {
  const variables: Variable[] = Object.values(quantizer.variables());
  if (variables.length === 0) return false;
  return tidy(() => {
    const probe = (): Tensor => sum(quantizer.quantize(zeros([1, quantizer.dim])).quantized);
    const { grads } = engine().gradients(probe, variables, undefined, true);
    return grads.some((gradient) => gradient != null);
  });
}
