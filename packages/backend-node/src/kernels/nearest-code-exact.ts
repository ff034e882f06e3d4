import { type KernelBackend, type KernelFunc, type Tensor1D, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { nearestFloat64, screenCodes } from '@vqkit/core-tensor';

/** Above every score: {@link screenCodes} has decided. */
const DECIDED = 2 ** 127;

/** TensorFlow searches in float32; the few rows that this does not decide are searched again in JavaScript, which reads them at no cost. */
export const nearestCodeExact: KernelFunc = ({ inputs, backend: given }) => {
  const backend = given as KernelBackend;
  const { x, codes } = inputs as { x: Tensor2D; codes: Tensor2D };
  const [tokens, features] = x.shape;
  const indices = new Int32Array(tokens);
  if (tokens > 0) {
    tidy(() => {
      const screened = screenCodes({ x, codes });
      const read = ({ dataId }: Tensor1D | Tensor2D): unknown => backend.readSync(dataId);
      indices.set(read(screened.indices) as Int32Array);
      const threshold = read(screened.threshold) as Float32Array;
      if (threshold.every((score) => score === DECIDED)) return;
      const [rows, nearest] = [read(x) as Float32Array, nearestFloat64(read(codes) as Float32Array, features)];
      for (let row = 0; row < tokens; row++) {
        if (threshold[row] !== DECIDED) indices[row] = nearest(rows, row);
      }
    });
  }
  return { dataId: backend.write(indices, [tokens], 'int32'), shape: [tokens], dtype: 'int32' };
};
