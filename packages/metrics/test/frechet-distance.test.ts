import { createRng } from '@vqkit/core-tensor';
import { describe, expect, it } from 'vitest';
import { frechetDistance } from '../src/index.ts';

/** Features that any language makes alike: sines of float64, rounded to float32. */
function waves(n: number, dim: number, phase: number): Float32Array {
  return Float32Array.from({ length: n * dim }, (_, at) => {
    const [row, column] = [Math.floor(at / dim), at % dim];
    return Math.sin(0.37 * row * (column + 1) + phase) + 0.1 * phase * column;
  });
}

describe('frechetDistance', () => {
  it('is the distance of the means plus that of the deviations in one dimension', () => {
    // Means 1 and 6, variances 2 and 18: 25 + (√2 - √18)² = 25 + 8.
    expect(frechetDistance(Float32Array.of(0, 2), Float32Array.of(3, 9), 1)).toBeCloseTo(33, 12);
  });

  it('adds up over independent features', () => {
    // The corners of a rectangle: covariance diag(4/3 a², 4/3 b²), here with (a, b) = (1, 2) and (3, 5).
    const corners = (a: number, b: number): Float32Array => Float32Array.of(a, b, a, -b, -a, b, -a, -b);
    const expected = (4 / 3) * ((3 - 1) ** 2 + (5 - 2) ** 2);
    expect(frechetDistance(corners(1, 2), corners(3, 5), 2)).toBeCloseTo(expected, 10);
  });

  it('does not change when both sets are rotated, and is the same both ways', () => {
    const rotated = (rows: Float32Array): Float32Array => {
      const [c, s] = [Math.cos(1), Math.sin(1)];
      return rows.map((value, i) =>
        i % 2 === 0 ? c * value - s * (rows[i + 1] as number) : s * (rows[i - 1] as number) + c * value,
      );
    };
    const rng = createRng(3);
    const [a, b] = [rng.normalArray(400, 1), rng.normalArray(600, 2)];
    const distance = frechetDistance(a, b, 2);
    expect(frechetDistance(rotated(a), rotated(b), 2)).toBeCloseTo(distance, 5);
    expect(frechetDistance(b, a, 2)).toBeCloseTo(distance, 10);
  });

  it('is 0 for equal sets, also where their covariance is singular', () => {
    const rows = createRng(1).normalArray(200 * 8, 1);
    expect(frechetDistance(rows, rows, 8)).toBeLessThan(1e-6);
    // Three rows in 8 features span a plane.
    expect(frechetDistance(rows.subarray(0, 24), rows.subarray(0, 24), 8)).toBeLessThan(1e-5);
    expect(frechetDistance(new Float32Array(16), new Float32Array(16), 8)).toBe(0);
  });

  // numpy 2, float64: np.cov of the rows, the square root of Σa by np.linalg.eigh, and tr √(√Σa Σb √Σa) by its eigenvalues.
  it.each([
    [200, 300, 6, 0.348_321_323_526_978],
    [9, 40, 16, 18.109_667_384_751_47],
  ])('agrees with numpy for %d and %d rows of %d', (n, m, dim, expected) => {
    expect(frechetDistance(waves(n, dim, 0.3), waves(m, dim, 1.1), dim) / expected).toBeCloseTo(1, 6);
  });

  it('rejects bad input', () => {
    const rows = new Float32Array(8);
    expect(() => frechetDistance(rows, rows, 0)).toThrow('frechetDistance: dim must be an integer >= 1');
    expect(() => frechetDistance(rows, rows.subarray(0, 3), 2)).toThrow(
      'frechetDistance: b must hold 2 or more rows of 2',
    );
    expect(() => frechetDistance(rows.subarray(0, 2), rows, 2)).toThrow(
      'frechetDistance: a must hold 2 or more rows of 2',
    );
    expect(() => frechetDistance([1, 2] as unknown as Float32Array, rows, 1)).toThrow('Float32Array');
    expect(() => frechetDistance(rows, Float32Array.of(0, 1, Number.NaN), 1)).toThrow(
      'frechetDistance: b must be finite, got NaN in row 2',
    );
  });
});
