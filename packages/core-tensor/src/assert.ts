import type { Tensor } from '@tensorflow/tfjs-core';
import { DataError, phrase, show } from './errors.ts';

/**
 * Reads a tensor and throws at its first NaN or infinity, with its position. Quantizers do not do this by themselves, because reading
 * data stalls an engine; the command line always does.
 *
 * @param where name of the caller and `name` of the tensor: both for the error.
 * @throws DataError
 * @example
 * await assertFinite('myEncoder', 'z', z);
 * const { indices } = fsq.quantize(z);
 */
export async function assertFinite(where: string, name: string, x: Tensor): Promise<void> {
  const data = await x.data();
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) {
    throw new DataError(
      where,
      name,
      'be finite',
      phrase(`${data[at]} at flat position ${at} of shape ${show(x.shape)}`, data[at]),
      'Look for a division by zero or a diverging loss before it.',
    );
  }
}

/**
 * Reads int32 indices and throws at the first that is neither in [0, codebookSize) nor -1 (padding).
 *
 * @throws DataError
 * @example
 * await assertIndices('decodeFile', indices, fsq.codebookSize);
 * const codes = fsq.decode(indices);
 */
export async function assertIndices(where: string, indices: Tensor, codebookSize: number): Promise<void> {
  const data = await indices.data();
  const at = data.findIndex((value) => value < -1 || value >= codebookSize);
  if (at >= 0) {
    throw new DataError(
      where,
      'indices',
      `be in [0, ${codebookSize}) or -1 for padding`,
      phrase(`${data[at]} at flat position ${at} of shape ${show(indices.shape)}`, data[at]),
      'Decode with the quantizer that encoded them.',
    );
  }
}
