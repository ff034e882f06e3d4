import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import type { SafeDtype, SafeTensor } from './dtypes.ts';
import { CheckpointError } from './errors.ts';

const TFJS_DTYPES: { readonly [dtype in SafeDtype]?: 'float32' | 'int32' | 'bool' } = {
  F32: 'float32',
  I32: 'int32',
  BOOL: 'bool',
};

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
  throw new CheckpointError(`toSafeTensor: a tensor must be float32, int32 or bool, got ${dtype}. Convert it.`);
}

/**
 * Makes the tensor of TensorFlow.js from one of a safetensors file, on the active engine. The caller disposes it.
 *
 * @param name of the tensor, for errors.
 * @throws CheckpointError when its dtype is none of F32, I32 and BOOL.
 * @example
 * const { tensors } = decodeSafetensors(bytes);
 * const state = Object.entries(tensors).map(([name, value]) => [name, fromSafeTensor(name, value)]);
 * lfq.loadStateDict(Object.fromEntries(state));
 */
export function fromSafeTensor(name: string, { dtype, shape, data }: SafeTensor): Tensor {
  const given = TFJS_DTYPES[dtype];
  if (given !== undefined) return tensor(data as Float32Array, [...shape], given);
  throw new CheckpointError(`fromSafeTensor: tensor '${name}' must be F32, I32 or BOOL, got ${dtype}. Convert it.`);
}
