import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { phrase } from '@vqkit/core-tensor/errors';
import { floatsOf, integersOf } from '@vqkit/core-tensor/plain-tensor';
import type { SafeTensor } from './dtypes.ts';
import { CheckpointError } from './errors.ts';

/**
 * Reads a tensor of TensorFlow.js as a tensor of a safetensors file: float32 as F32, int32 as I32, bool as BOOL.
 *
 * @throws CheckpointError for complex numbers and strings.
 * @example
 * const state = Object.entries(lfq.stateDict());
 * const tensors = Object.fromEntries(await Promise.all(state.map(async ([name, t]) => [name, await toSafeTensor(t)])));
 */
export async function toSafeTensor(value: Tensor): Promise<SafeTensor> {
  const { shape, dtype } = value;
  const data = await value.data();
  if (dtype === 'float32') return { dtype: 'F32', shape, data: data as Float32Array };
  if (dtype === 'int32') return { dtype: 'I32', shape, data: data as Int32Array };
  if (dtype === 'bool') return { dtype: 'BOOL', shape, data: data as Uint8Array };
  throw new CheckpointError('toSafeTensor', 'a tensor', 'be float32, int32 or bool', phrase(dtype), 'Convert it.');
}

/**
 * Makes the tensor of TensorFlow.js from one of a safetensors file, on the active engine: floats as float32, integers as int32, BOOL as
 * bool. F16, BF16 and 8-bit floats are exact, and so are F64 and other integers where the values fit. The caller disposes it.
 *
 * @param name of the tensor, for errors.
 * @throws DataError for the first value that float32 or int32 cannot hold, such as an id of 2^31.
 * @example
 * const { tensors } = decodeSafetensors(bytes);
 * const state = Object.entries(tensors).map(([name, value]) => [name, fromSafeTensor(name, value)]);
 * lfq.loadStateDict(Object.fromEntries(state));
 */
export function fromSafeTensor(name: string, value: SafeTensor): Tensor {
  const { dtype, data } = value;
  const shape = [...value.shape];
  if (dtype === 'BOOL') return tensor(data, shape, 'bool');
  if (/^B?F/.test(dtype)) return tensor(floatsOf('fromSafeTensor', name, value), shape, 'float32');
  return tensor(integersOf('fromSafeTensor', name, value), shape, 'int32');
}
