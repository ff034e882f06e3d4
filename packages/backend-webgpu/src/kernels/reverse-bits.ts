import { type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, run } from '../program.ts';

/** One index per thread; what is not below 2^bits stays. */
export const REVERSE_BITS: Program = {
  name: 'ReverseBits',
  inputs: { indices: 'u32' },
  outputs: { reversed: 'u32' },
  params: { bits: 'u32' },
  body: `
let index = indices[row];
reversed[row] = select(index, reverseBits(index) >> (32u - params.bits), index < (1u << params.bits));`,
};

export const reverseBits: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { indices } = call.inputs as { indices: TensorInfo };
  const { bits } = call.attrs as unknown as { bits: number };
  const reversed = output(backend, indices.shape, 'int32');
  const operands = { indices: { tensor: indices, perRow: 1 }, reversed: { tensor: reversed, perRow: 1 } };
  run(backend, REVERSE_BITS, util.sizeFromShape(indices.shape), operands, { bits });
  return [reversed];
};
