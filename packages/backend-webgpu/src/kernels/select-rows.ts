import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, run } from '../program.ts';

/** One row per thread, as bits: integers, NaN and -0 stay what they are. */
export const SELECT_ROWS: Program = {
  name: 'SelectRows',
  inputs: { condition: 'u32', a: 'u32', b: 'u32' },
  outputs: { rows: 'u32' },
  params: { dim: 'u32', bDim: 'u32' },
  body: `
let taken = condition[row] != 0u;
let step = select(0u, 1u, params.bDim == params.dim);
for (var i = 0u; i < params.dim; i++) {
  let at = row * params.dim + i;
  rows[at] = select(b[row * params.bDim + i * step], a[at], taken);
}`,
};

export const selectRows: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { condition, a, b } = call.inputs as { condition: TensorInfo; a: TensorInfo; b: TensorInfo };
  const [count, dim] = a.shape as [number, number];
  const bDim = b.shape[1] as number;
  const rows = output(backend, [count, dim], a.dtype);
  if (dim === 0) return [rows];
  const operands = {
    condition: { tensor: condition, perRow: 1 },
    a: { tensor: a, perRow: dim },
    b: { tensor: b, perRow: bDim },
    rows: { tensor: rows, perRow: dim },
  };
  run(backend, SELECT_ROWS, count, operands, { dim, bDim });
  return [rows];
};
