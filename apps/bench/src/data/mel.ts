/** How sound becomes vectors: frames of `window` samples, `hop` apart, in `bands` bands of the mel scale. */
export interface MelOptions {
  readonly sampleRate: number;
  /** Samples of a frame, a power of two. */
  readonly window: number;
  readonly hop: number;
  readonly bands: number;
}

/** ln of the smallest power that counts: 80 dB below a full-scale sine's. */
const FLOOR = 1e-8;

/**
 * Log-mel frames: Hann window, power spectrum, triangular bands from 0 Hz to half the sample rate, spaced evenly on the mel scale
 * `2595 log10(1 + f/700)`, natural logarithm of `max(power, 1e-8)`.
 *
 * @param samples in [-1, 1].
 * @returns [frames · bands]; none when there are fewer samples than a window.
 */
export function melFrames(samples: Float32Array, options: MelOptions): Float32Array {
  const { window, hop, bands } = options;
  const frames = Math.max(0, Math.floor((samples.length - window) / hop) + 1);
  const filters = melFilters(options);
  const hann = Float64Array.from({ length: window }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / window));
  // A full-scale sine has a peak of 1: half of its amplitude is at the negative frequency.
  const scale = 4 / hann.reduce((sum, value) => sum + value, 0) ** 2;
  const out = new Float32Array(frames * bands);
  const re = new Float64Array(window);
  const im = new Float64Array(window);
  for (let frame = 0; frame < frames; frame++) {
    for (let i = 0; i < window; i++) re[i] = (samples[frame * hop + i] as number) * (hann[i] as number);
    im.fill(0);
    fft(re, im);
    for (const [band, filter] of filters.entries()) {
      let power = 0;
      for (const { bin, weight } of filter) {
        power += weight * scale * ((re[bin] as number) ** 2 + (im[bin] as number) ** 2);
      }
      out[frame * bands + band] = Math.log(Math.max(power, FLOOR));
    }
  }
  return out;
}

/** The bins of each band and their weights, at most 1. */
function melFilters({ sampleRate, window, bands }: MelOptions): { bin: number; weight: number }[][] {
  const mel = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);
  const hertz = (m: number): number => 700 * (10 ** (m / 2595) - 1);
  const top = mel(sampleRate / 2);
  const edges = Array.from({ length: bands + 2 }, (_, i) => (hertz((top * i) / (bands + 1)) * window) / sampleRate);
  return Array.from({ length: bands }, (_, band) => {
    const [low, centre, high] = edges.slice(band, band + 3) as [number, number, number];
    const filter: { bin: number; weight: number }[] = [];
    for (let bin = 0; bin <= window / 2; bin++) {
      const weight = Math.min((bin - low) / (centre - low), (high - bin) / (high - centre));
      if (weight > 0) filter.push({ bin, weight });
    }
    // The lowest bands can be narrower than a bin: they take the nearest one.
    return filter.length === 0 ? [{ bin: Math.round(centre), weight: 1 }] : filter;
  });
}

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

/** The discrete Fourier transform in place, by halves (Cooley and Tukey). The length is a power of two. */
export function fft(re: Float64Array, im: Float64Array): void {
  const n = re.length;
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
