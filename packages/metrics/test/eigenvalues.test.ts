import { createRng } from '@vqkit/core-tensor';
import { describe, expect, it } from 'vitest';
import { symmetricEigenvalues } from '../src/eigenvalues.ts';

/** Eigenvalues by cyclic Jacobi rotations: slower, and nothing in common with the method under test. */
function jacobi(matrix: Float64Array, n: number): number[] {
  const a = Array.from({ length: n }, (_, i) => Array.from(matrix.subarray(i * n, (i + 1) * n)));
  const at = (i: number, j: number): number => a[i]?.[j] ?? Number.NaN;
  const set = (i: number, j: number, value: number): void => {
    (a[i] as number[])[j] = value;
  };
  for (let sweep = 0; sweep < 30; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (at(p, q) === 0) continue;
        const theta = (at(q, q) - at(p, p)) / (2 * at(p, q));
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        for (let k = 0; k < n; k++) {
          const [kp, kq] = [at(k, p), at(k, q)];
          set(k, p, c * kp - s * kq);
          set(k, q, s * kp + c * kq);
        }
        for (let k = 0; k < n; k++) {
          const [pk, qk] = [at(p, k), at(q, k)];
          set(p, k, c * pk - s * qk);
          set(q, k, s * pk + c * qk);
        }
      }
    }
  }
  return a.map((_, i) => at(i, i)).sort((x, y) => x - y);
}

function randomSymmetric(n: number, seed: number): Float64Array {
  const rng = createRng(seed);
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) matrix[i * n + j] = matrix[j * n + i] = rng.normal();
  return matrix;
}

function expectEigenvalues(matrix: Float64Array, n: number, expected: readonly number[]): void {
  const scale = Math.max(...expected.map(Math.abs), Number.MIN_VALUE);
  const actual = symmetricEigenvalues(matrix, n);
  expect(actual.length).toBe(n);
  // A few ulp of the largest eigenvalue per row of the reduction.
  for (const [i, value] of actual.entries()) {
    expect(Math.abs(value - (expected[i] as number)) / scale).toBeLessThan(n * 1e-15);
  }
}

describe('symmetricEigenvalues', () => {
  it('solves small matrices by hand', () => {
    expectEigenvalues(Float64Array.of(-3), 1, [-3]);
    expectEigenvalues(Float64Array.of(2, 1, 1, 2), 2, [1, 3]);
    expectEigenvalues(Float64Array.of(2, -1, 0, -1, 2, -1, 0, -1, 2), 3, [2 - Math.SQRT2, 2, 2 + Math.SQRT2]);
  });

  it('solves matrices with zero, repeated and negative eigenvalues', () => {
    expectEigenvalues(new Float64Array(16), 4, [0, 0, 0, 0]);
    expectEigenvalues(Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1), 3, [1, 1, 1]);
    expectEigenvalues(new Float64Array(25).fill(1), 5, [0, 0, 0, 0, 5]);
    expectEigenvalues(Float64Array.of(0, 1e150, 1e150, 0), 2, [-1e150, 1e150]);
    expectEigenvalues(Float64Array.of(0, 0, 1e-150, 0, 0, 0, 1e-150, 0, 0), 3, [-1e-150, 0, 1e-150]);
  });

  it('knows the path graph: 2 - 2 cos(kπ/(n + 1))', () => {
    const n = 60;
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      matrix[i * n + i] = 2;
      if (i > 0) matrix[i * n + i - 1] = matrix[(i - 1) * n + i] = -1;
    }
    expectEigenvalues(
      matrix,
      n,
      Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1))),
    );
  });

  it('agrees with Jacobi rotations on random matrices', () => {
    for (const [n, seed] of [
      [2, 1],
      [3, 2],
      [7, 3],
      [32, 4],
    ] as const) {
      const matrix = randomSymmetric(n, seed);
      expectEigenvalues(matrix, n, jacobi(matrix, n));
    }
  });
});
