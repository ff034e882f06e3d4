import { type KernelBackend, type KernelFunc, type Tensor, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { DECIDED, type NearestCodeExactInputs, screenCodes } from '@vqkit/core-tensor';
import { createPlainSearch } from '@vqkit/core-tensor/plain-search';

/** Up to so many products JavaScript adds them up in the time that the operations of a screening take. */
const SMALL = 2 ** 19;

/**
 * TensorFlow searches in float32; the few rows that this does not decide are searched again in JavaScript, which reads them at no cost. A
 * small search is done there whole.
 */
export const nearestCodeExact: KernelFunc = ({ inputs, backend: given }) => {
  const backend = given as KernelBackend;
  const { x, codes } = inputs as { x: Tensor2D; codes: Tensor2D };
  const [tokens, dim] = x.shape;
  const read = ({ dataId }: Tensor): unknown => backend.readSync(dataId);
  const indices = new Int32Array(tokens);
  const search = (rows: Float32Array, found: Int32Array): void =>
    createPlainSearch({ codes: read(codes) as Float32Array, dim })(rows, found, found.length);
  if (tokens > 0 && tokens * codes.size <= SMALL) {
    search(read(x) as Float32Array, indices);
  } else if (tokens > 0) {
    tidy(() => {
      const screened = screenCodes(inputs as NearestCodeExactInputs);
      indices.set(read(screened.indices) as Int32Array);
      const threshold = read(screened.threshold) as Float32Array;
      const open = Int32Array.from(indices.keys()).filter((row) => threshold[row] !== DECIDED);
      if (open.length === 0) return;
      const all = read(x) as Float32Array;
      const rows = new Float32Array(open.length * dim);
      open.forEach((row, i) => {
        rows.set(all.subarray(row * dim, (row + 1) * dim), i * dim);
      });
      const found = new Int32Array(open.length);
      search(rows, found);
      open.forEach((row, i) => {
        indices[row] = found[i] as number;
      });
    });
  }
  return { dataId: backend.write(indices, [tokens], 'int32'), shape: [tokens], dtype: 'int32' };
};
