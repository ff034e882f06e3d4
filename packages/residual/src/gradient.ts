import { customGrad, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';

/** The value of q, bit for bit; the whole gradient goes to x, and the whole gradient to q as well. */
export function passGradient(x: Tensor2D, q: Tensor2D): Tensor2D {
  const pass = customGrad((_x, inner) => ({
    value: (inner as Tensor).clone(),
    gradFunc: (dy: Tensor) => [dy.clone(), dy.clone()],
  }));
  return pass(x, q) as Tensor2D;
}
