import type { Tensor } from '@tensorflow/tfjs-core';

/** A matrix in float64, row by row. */
export type Matrix = readonly Float64Array[];

export async function rowsOf(t: Tensor): Promise<Matrix> {
  const data = await t.data();
  const width = t.shape.at(-1) as number;
  return Array.from({ length: data.length / width }, (_, i) =>
    Float64Array.from(data.slice(i * width, (i + 1) * width)),
  );
}

export const distance2 = (a: Float64Array, b: Float64Array): number =>
  a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0);

/** Index of the nearest row, the lowest on ties. */
export function nearestTo(x: Float64Array, rows: Matrix): number {
  let best = Number.POSITIVE_INFINITY;
  let index = 0;
  rows.forEach((row, k) => {
    const distance = distance2(x, row);
    if (distance < best) [best, index] = [distance, k];
  });
  return index;
}

export function unit(x: Float64Array): Float64Array {
  const length = Math.hypot(...x);
  return x.map((value) => value / length);
}

/** Sum of the squared distances of all rows to their nearest mean. */
export function inertia(x: Matrix, means: Matrix): number {
  return x.reduce((sum, row) => sum + distance2(row, means[nearestTo(row, means)] as Float64Array), 0);
}

/** One step of moving averages with Laplace smoothing, written down from the formulas; the code of an empty cluster stays. */
export function emaStep64(
  old: { sizes: readonly number[]; sums: Matrix; codes: Matrix },
  x: Matrix,
  indices: ArrayLike<number>,
  { decay, eps }: { decay: number; eps: number },
): { sizes: number[]; sums: Matrix; codes: Matrix } {
  const k = old.sizes.length;
  const count = old.sizes.map((_, code) => x.filter((_, n) => indices[n] === code).length);
  const sizes = old.sizes.map((n, code) => decay * n + (1 - decay) * (count[code] as number));
  const sums = old.sums.map((m, code) =>
    m.map((value, i) => {
      const sum = x.reduce((total, row, n) => total + (indices[n] === code ? (row[i] as number) : 0), 0);
      return decay * value + (1 - decay) * sum;
    }),
  );
  const total = sizes.reduce((a, b) => a + b, 0);
  const codes = sums.map((m, code) => {
    if (count[code] === 0) return old.codes[code] as Float64Array;
    const smoothed = (((sizes[code] as number) + eps) / (total + k * eps)) * total;
    return m.map((value) => value / smoothed);
  });
  return { sizes, sums, codes };
}
