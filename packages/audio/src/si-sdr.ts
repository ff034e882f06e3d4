import { ShapeError } from '@vqkit/core-tensor';

/**
 * The scale-invariant signal-to-distortion ratio, in decibels: `10 log₁₀(|αt|² / |αt - x|²)`, α = ⟨x, t⟩ / |t|², in float64. The loudness of x does not matter;
 * the mean is not taken off. Infinity where x is a multiple of the target; NaN where either is silent or has a NaN.
 *
 * Source: Le Roux and others, "SDR – half-baked or well done?", arXiv:1811.02508.
 * @throws ShapeError when the two have different lengths.
 * @example
 * siSdr(Float32Array.of(1, 0.1), Float32Array.of(2, 0)); // 20
 */
export function siSdr(x: ArrayLike<number>, target: ArrayLike<number>): number {
  if (x.length !== target.length) {
    throw new ShapeError(
      'siSdr',
      'target',
      `have as many samples as x, ${x.length}`,
      target.length,
      'Cut the longer one.',
    );
  }
  let [product, square] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    product += (x[i] as number) * (target[i] as number);
    square += (target[i] as number) ** 2;
  }
  const scale = product / square;
  let [signal, noise] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    const wanted = scale * (target[i] as number);
    signal += wanted ** 2;
    noise += (wanted - (x[i] as number)) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}
