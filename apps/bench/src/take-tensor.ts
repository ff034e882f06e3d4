import type { Tensor } from '@tensorflow/tfjs-core';
import type { SafeTensor } from '@vqkit/checkpoint';

/** A tensor's values as float32 for a file; it is disposed. */
export async function takeTensor(value: Tensor): Promise<SafeTensor> {
  const data = Float32Array.from(await value.data());
  value.dispose();
  return { dtype: 'F32', shape: value.shape, data };
}
