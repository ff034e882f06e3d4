import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, run } from '../program.ts';

/** One token per thread: the bits of its index, most significant first. */
export const SIGN_DECODE: Program = {
  name: 'SignDecode',
  inputs: { indices: 'u32' },
  outputs: { codes: 'f32' },
  params: { dim: 'u32', scale: 'f32' },
  body: `
for (var i = 0u; i < params.dim; i++) {
  let bit = (indices[row] >> (params.dim - 1u - i)) & 1u;
  codes[row * params.dim + i] = select(-params.scale, params.scale, bit == 1u);
}`,
};

export const signDecode: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { indices } = call.inputs as { indices: TensorInfo };
  const { dim, scale } = call.attrs as unknown as { dim: number; scale: number };
  const [tokens] = indices.shape as [number];
  const codes = output(backend, [tokens, dim], 'float32');
  const operands = { indices: { tensor: indices, perRow: 1 }, codes: { tensor: codes, perRow: dim } };
  run(backend, SIGN_DECODE, tokens, operands, { dim, scale });
  return [codes];
};
