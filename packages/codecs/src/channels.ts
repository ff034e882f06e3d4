import { requireInteger, requireOption } from '@vqkit/core-tensor/check';
import { ShapeError } from '@vqkit/core-tensor/errors';

/**
 * [dim, frames], as encoders and decoders in ONNX have it, → [frames, dim], as codecs have it. An image [dim, height, width] becomes its places, row by row.
 *
 * @throws OptionError, ShapeError when it is not whole.
 * @example
 * channelsLast(Float32Array.of(1, 2, 3, 4), 2); // [ 1, 3, 2, 4 ]
 */
export function channelsLast(data: Float32Array, dim: number): Float32Array {
  return transposed('channelsLast', data, dim, dim);
}

/**
 * [frames, dim] → [dim, frames]: the inverse of {@link channelsLast}.
 *
 * @throws OptionError, ShapeError when it is not whole.
 * @example
 * channelsFirst(Float32Array.of(1, 3, 2, 4), 2); // [ 1, 2, 3, 4 ]
 */
export function channelsFirst(data: Float32Array, dim: number): Float32Array {
  return transposed('channelsFirst', data, dim, data.length / dim);
}

/** A matrix of so many rows, on its side. */
function transposed(where: string, data: Float32Array, dim: number, rows: number): Float32Array {
  const fix = 'Make one with Float32Array.from(…).';
  requireOption(data instanceof Float32Array, where, 'data', 'a Float32Array', data, fix);
  requireInteger(where, 'dim', dim, 1);
  if (data.length % dim !== 0) {
    const rule = `a multiple of ${dim} (dim)`;
    throw new ShapeError(where, 'data.length', `be ${rule}`, data.length, 'Pass whole frames.');
  }
  const columns = data.length / rows;
  return data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)] as number);
}
