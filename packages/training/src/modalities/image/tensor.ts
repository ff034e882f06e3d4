import { clipByValue, type Tensor, tensor4d } from '@tensorflow/tfjs-core';

/** Pictures as float32 [count, height, width, channels] in [-1, 1]. */
export function toTensor(
  values: Float32Array,
  count: number,
  [height = 0, width = 0, channels = 0]: readonly number[],
): Tensor {
  return tensor4d(values, [count, height, width, channels]);
}

/** Within [-1, 1]. */
export function fromOutput(output: Tensor): Tensor {
  return clipByValue(output, -1, 1);
}
