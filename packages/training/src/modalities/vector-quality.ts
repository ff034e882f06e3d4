import type { QualityMeter } from '../modality.ts';
import type { VectorQuality } from '../records.ts';

/**
 * The differences between vectors of [dim] numbers and their reconstructions, in float64; `error` is relative to how far the vectors lie from their mean. Sums are of
 * differences from the first row, so that an offset that all rows have costs no digits.
 */
export function createVectorMeter([dim = 0]: readonly number[]): QualityMeter<VectorQuality> {
  const sums = new Float64Array(dim);
  let origin: Float32Array | undefined;
  let [numbers, energy, absolute, squared] = [0, 0, 0, 0];

  return {
    add(vectors, reconstructions) {
      origin ??= vectors.slice(0, dim);
      for (let start = 0; start < vectors.length; start += dim) {
        for (let i = 0; i < dim; i++) {
          const value = vectors[start + i] as number;
          const lost = value - (reconstructions[start + i] as number);
          const moved = value - (origin[i] as number);
          sums[i] = (sums[i] as number) + moved;
          energy += moved * moved;
          absolute += Math.abs(lost);
          squared += lost * lost;
        }
      }
      numbers += vectors.length;
    },
    report() {
      if (numbers === 0) return { l1: 0, mse: 0, variance: 0, error: null };
      const rows = numbers / dim;
      const spread = energy - sums.reduce((total, sum) => total + sum * sum, 0) / rows;
      return {
        l1: absolute / numbers,
        mse: squared / numbers,
        variance: spread / numbers,
        error: spread > 0 ? squared / spread : null,
      };
    },
  };
}
