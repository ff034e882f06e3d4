import { requireInteger } from '@vqkit/core-tensor/check';
import { DataError, DtypeError, phrase, ShapeError } from '@vqkit/core-tensor/errors';

/** How many rows of `width` the data hold: at least `least`, and every element finite. */
export function finiteRows(where: string, name: string, data: Float32Array, width: number, least: number): number {
  requireInteger(where, 'dim', width, 1);
  if (!(data instanceof Float32Array)) {
    throw new DtypeError(where, name, 'be a Float32Array', data, 'Pass await tensor.data().');
  }
  const count = data.length / width;
  if (!Number.isInteger(count) || count < least) {
    const rule = least === 0 ? 'whole rows' : `${least} or more rows`;
    throw new ShapeError(
      where,
      name,
      `hold ${rule} of ${width}`,
      phrase(`${data.length} elements`, data.length),
      'Pass [n, dim].',
    );
  }
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) {
    throw new DataError(
      where,
      name,
      'be finite',
      phrase(`${data[at]} in row ${Math.floor(at / width)}, column ${at % width}`, data[at]),
      'Look for a diverging loss before it.',
    );
  }
  return count;
}
