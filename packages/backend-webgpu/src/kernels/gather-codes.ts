import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, rowsWithin, run } from '../program.ts';

/** One token per thread, bits as they are; of a large codebook the part that it is shown. */
export const GATHER_CODES: Program = {
  name: 'GatherCodes',
  inputs: { codes: 'u32', indices: 'i32' },
  outputs: { rows: 'u32' },
  params: { dim: 'u32', firstCode: 'i32', count: 'i32' },
  body: `
let place = indices[row] - params.firstCode;
if (place >= 0 && place < params.count) {
  for (var i = 0u; i < params.dim; i++) {
    rows[row * params.dim + i] = codes[u32(place) * params.dim + i];
  }
}`,
};

export const gatherCodes: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { codes, indices } = call.inputs as { codes: TensorInfo; indices: TensorInfo };
  const [codebookSize, dim] = codes.shape as [number, number];
  const [tokens] = indices.shape as [number];
  const rows = output(backend, [tokens, dim], codes.dtype);
  const most = rowsWithin(backend, dim);
  for (let firstCode = 0; firstCode < codebookSize; firstCode += most) {
    const count = Math.min(most, codebookSize - firstCode);
    const operands = {
      codes: { tensor: codes, perRow: dim, from: firstCode, rows: count },
      indices: { tensor: indices, perRow: 1 },
      rows: { tensor: rows, perRow: dim },
    };
    run(backend, GATHER_CODES, tokens, operands, { dim, firstCode, count });
  }
  return [rows];
};
