import { symmetricEigenvalues } from './eigenvalues.ts';
import { finiteRows } from './rows.ts';

/**
 * Fréchet distance between two sets of feature vectors, each taken for a Gaussian:
 *
 * `d² = |μa - μb|² + tr(Σa + Σb - 2 (Σa Σb)^½)`, with means μ and covariances Σ (divided by n - 1).
 *
 * Exact in float64: with `Σa = L Lᵀ`, the trace of the square root is the sum of the square roots of the eigenvalues of `Lᵀ Σb L`, which
 * is symmetric. No matrix square root that could fail to converge, and singular covariances are no special case. Eigenvalues that are 0
 * come out as up to about 1e-16 of the largest, so that d² of equal sets is about 1e-7 of the trace and not exactly 0.
 *
 * What it means depends on the features. With those of Inception-v3 it is the FID, and with any other it is not: a number may be compared
 * only with numbers of the same features and about the same counts, because the estimate is too high for few rows.
 *
 * Work: O(n · dim² + dim³).
 *
 * Source: Dowson, Landau, "The Fréchet distance between multivariate normal distributions", 1982.
 *
 * @param a n · dim elements, two rows or more.
 * @param b m · dim elements, two rows or more.
 * @returns d², in squared units of the features.
 * @throws OptionError for a bad dim, ShapeError when a or b are not two or more whole rows, DtypeError when they are no Float32Array,
 * DataError at a feature that is not finite.
 * @example
 * frechetDistance(Float32Array.of(0, 2), Float32Array.of(5, 7), 1); // 25: the means are 5 apart, the variances equal
 */
export function frechetDistance(a: Float32Array, b: Float32Array, dim: number): number {
  const where = 'frechetDistance';
  const [first, second] = [
    momentsOf(a, finiteRows(where, 'a', a, dim, 2), dim),
    momentsOf(b, finiteRows(where, 'b', b, dim, 2), dim),
  ];
  const lower = choleskyFactor(first.covariance, dim);
  const between = congruence(lower, second.covariance, dim);
  let distance = 0;
  for (let i = 0; i < dim; i++) {
    distance += ((first.mean[i] as number) - (second.mean[i] as number)) ** 2;
    distance += (first.covariance[i * dim + i] as number) + (second.covariance[i * dim + i] as number);
  }
  for (const value of symmetricEigenvalues(between, dim)) if (value > 0) distance -= 2 * Math.sqrt(value);
  return Math.max(0, distance);
}

interface Moments {
  readonly mean: Float64Array;
  /** dim · dim. */
  readonly covariance: Float64Array;
}

function momentsOf(rows: Float32Array, n: number, dim: number): Moments {
  const mean = new Float64Array(dim);
  for (let at = 0; at < rows.length; at += dim) {
    for (let i = 0; i < dim; i++) mean[i] = (mean[i] as number) + (rows[at + i] as number) / n;
  }
  const covariance = new Float64Array(dim * dim);
  const centred = new Float64Array(dim);
  for (let at = 0; at < rows.length; at += dim) {
    for (let i = 0; i < dim; i++) centred[i] = (rows[at + i] as number) - (mean[i] as number);
    for (let i = 0; i < dim; i++) {
      const value = (centred[i] as number) / (n - 1);
      for (let j = 0; j <= i; j++) {
        covariance[i * dim + j] = (covariance[i * dim + j] as number) + value * (centred[j] as number);
      }
    }
  }
  for (let i = 0; i < dim; i++) for (let j = 0; j < i; j++) covariance[j * dim + i] = covariance[i * dim + j] as number;
  return { mean, covariance };
}

/**
 * L with Σ = L Lᵀ, lower triangular. Σ is positive semidefinite: where a pivot is 0 up to rounding, nothing is left in its column, which
 * stays 0.
 */
function choleskyFactor(matrix: Float64Array, n: number): Float64Array {
  const lower = new Float64Array(n * n);
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, matrix[i * n + i] as number);
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = matrix[i * n + j] as number;
      for (let k = 0; k < j; k++) sum -= (lower[i * n + k] as number) * (lower[j * n + k] as number);
      const pivot = lower[j * n + j] as number;
      if (i === j) lower[j * n + j] = sum > n * Number.EPSILON * largest ? Math.sqrt(sum) : 0;
      else lower[i * n + j] = pivot > 0 ? sum / pivot : 0;
    }
  }
  return lower;
}

/** Lᵀ S L, symmetric to the last bit. */
function congruence(lower: Float64Array, matrix: Float64Array, n: number): Float64Array {
  const right = new Float64Array(n * n);
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const value = matrix[i * n + k] as number;
      for (let j = 0; j <= k; j++)
        right[i * n + j] = (right[i * n + j] as number) + value * (lower[k * n + j] as number);
    }
  }
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = i; k < n; k++) sum += (lower[k * n + i] as number) * (right[k * n + j] as number);
      out[i * n + j] = out[j * n + i] = sum;
    }
  }
  return out;
}
