import { fft } from '@vqkit/audio';

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
