import { requireOption } from '@vqkit/core-tensor';

interface Twiddles {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

const twiddles = new Map<number, Twiddles>();

/** exp(-2πi k/n) for the first half of k, computed once for each n. */
function twiddlesOf(n: number): Twiddles {
  let known = twiddles.get(n);
  if (known === undefined) {
    const angle = (k: number): number => (-2 * Math.PI * k) / n;
    known = {
      cos: Float64Array.from({ length: n / 2 }, (_, k) => Math.cos(angle(k))),
      sin: Float64Array.from({ length: n / 2 }, (_, k) => Math.sin(angle(k))),
    };
    twiddles.set(n, known);
  }
  return known;
}

/**
 * The discrete Fourier transform in plain JavaScript, in place: `X[k] = Σ_t x[t] e^(-2πi k t / n)`, by halves. For tensors, with a gradient, there is {@link createStft}.
 *
 * Source: Cooley, Tukey, "An Algorithm for the Machine Calculation of Complex Fourier Series", 1965.
 * @param re real parts, a power of two of them.
 * @param im as many imaginary parts.
 * @throws OptionError when their lengths differ or are no power of two.
 * @example
 * const [re, im] = [Float64Array.of(1, 0, 0, 0), new Float64Array(4)];
 * fft(re, im); // re is [1, 1, 1, 1]
 */
export function fft(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  requireOption(n > 0 && (n & (n - 1)) === 0, 'fft', 're.length', 'a power of two', n, 'Pad it with zeros.');
  requireOption(im.length === n, 'fft', 'im.length', `that of re, ${n}`, im.length, 'Pass as many.');
  const { cos: cosines, sin: sines } = twiddlesOf(n);
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j] as number, re[i] as number];
      [im[i], im[j]] = [im[j] as number, im[i] as number];
    }
  }
  for (let size = 2; size <= n; size *= 2) {
    const half = size / 2;
    for (let k = 0; k < half; k++) {
      const at = k * (n / size);
      const [cos, sin] = [cosines[at] as number, sines[at] as number];
      for (let a = k; a < n; a += size) {
        const b = a + half;
        const [reB, imB] = [re[b] as number, im[b] as number];
        const [x, y] = [reB * cos - imB * sin, reB * sin + imB * cos];
        re[b] = (re[a] as number) - x;
        im[b] = (im[a] as number) - y;
        re[a] = (re[a] as number) + x;
        im[a] = (im[a] as number) + y;
      }
    }
  }
}
