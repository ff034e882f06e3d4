import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { type Program, rowsWithin, run, table } from '../program.ts';

/** One token per thread. Integers add up to the same number in any order. */
export const CODE_COUNTS: Program = {
  name: 'CodeCounts',
  inputs: { indices: 'i32' },
  outputs: { counts: 'atomic<i32>' },
  params: { firstCode: 'i32', codes: 'i32' },
  body: `
let place = indices[row] - params.firstCode;
if (indices[row] >= 0 && place >= 0 && place < params.codes) {
  atomicAdd(&counts[place], 1);
}`,
};

export const codeCounts: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { indices } = call.inputs as { indices: TensorInfo };
  const { codebookSize } = call.attrs as unknown as { codebookSize: number };
  const [tokens] = indices.shape as [number];
  const counts = table(backend, new Int32Array(codebookSize));
  const most = rowsWithin(backend, 1);
  for (let firstCode = 0; firstCode < codebookSize; firstCode += most) {
    const codes = Math.min(most, codebookSize - firstCode);
    const operands = {
      indices: { tensor: indices, perRow: 1 },
      counts: { tensor: counts, perRow: 1, from: firstCode, rows: codes },
    };
    run(backend, CODE_COUNTS, tokens, operands, { firstCode, codes });
  }
  return [counts];
};
