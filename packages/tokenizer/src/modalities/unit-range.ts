import { add, clipByValue, mul, type Tensor } from '@tensorflow/tfjs-core';

/** To [-1, 1]; NaN stays, which the clamp of the wasm engine takes for -1. */
export function clampToUnit(output: Tensor): Tensor {
  return add(clipByValue(output, -1, 1), mul(output, 0));
}
