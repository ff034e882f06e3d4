import type { Projection } from '@vqkit/residual/codec';

/** On the diagonal: no inverse is then larger than 1 / (2 √LEAST), about 6e17, and its square is finite in float32. */
const LEAST = 2 ** -120;

/**
 * The way back from codes to latents where a file has none: the least-squares inverse of its projection y = W x + b, which is x = Wᵀ (W Wᵀ)⁻¹ (y - b), the
 * shortest x that is projected to y. Computed in float64.
 *
 * @param into W of shape [rows, columns], rows <= columns, and b.
 * @returns its weight [columns, rows], and a bias of `columns`; both finite where W's rows depend on one another, or are nearly 0, too.
 */
export function wayBackOf({ weight, bias }: Projection, rows: number): Projection {
  const columns = weight.length / rows;
  const row = (i: number): Float64Array => Float64Array.from(weight.subarray(i * columns, (i + 1) * columns));
  const w = Array.from({ length: rows }, (_, i) => row(i));
  const dot = (a: Float64Array, b: Float64Array): number =>
    a.reduce((sum, value, k) => sum + value * (b[k] as number), 0);
  const trace = w.reduce((sum, own) => sum + dot(own, own), 0);
  // Each line is a row of [W Wᵀ | W]; a little of the trace keeps pivots from zero, and LEAST what is divided by them from overflow.
  const lines = w.map((own, i) => {
    const products = w.map((other, j) => dot(own, other) + (i === j ? 1e-12 * trace + LEAST : 0));
    return Float64Array.from([...products, ...own]);
  });
  for (let pivot = 0; pivot < rows; pivot++) {
    const own = lines[pivot] as Float64Array;
    const scale = own[pivot] as number;
    own.forEach((value, k) => {
      own[k] = value / scale;
    });
    for (const [i, other] of lines.entries()) {
      const factor = other[pivot] as number;
      if (i !== pivot)
        other.forEach((value, k) => {
          other[k] = value - factor * (own[k] as number);
        });
    }
  }
  const back = new Float32Array(weight.length);
  for (let k = 0; k < columns; k++) {
    for (let i = 0; i < rows; i++) back[k * rows + i] = lines[i]?.[rows + k] as number;
  }
  if (bias === undefined) return { weight: back };
  const shift = (k: number): number => bias.reduce((sum, b, i) => sum - b * (back[k * rows + i] as number), 0);
  return { weight: back, bias: Float32Array.from({ length: columns }, (_, k) => shift(k)) };
}
