import { type KernelBackend, type KernelFunc, type Tensor, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { DECIDED, type NearestCodeExactInputs, screenCodes } from '@vqkit/core-tensor';
import { createPlainSearch } from '@vqkit/core-tensor/plain-search';

/** TensorFlow searches in float32; the few rows that this does not decide are searched again in JavaScript, which reads them at no cost. */
export const nearestCodeExact: KernelFunc = ({ inputs, backend: given }) => {
  const backend = given as KernelBackend;
  const { x, codes } = inputs as { x: Tensor2D; codes: Tensor2D };
  const [tokens, dim] = x.shape;
  const read = ({ dataId }: Tensor): unknown => backend.readSync(dataId);
  const indices = new Int32Array(tokens);
  if (tokens > 0) {
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
      createPlainSearch({ codes: read(codes) as Float32Array, dim })(rows, found, open.length);
      open.forEach((row, i) => {
        indices[row] = found[i] as number;
      });
    });
  }
  return { dataId: backend.write(indices, [tokens], 'int32'), shape: [tokens], dtype: 'int32' };
};
