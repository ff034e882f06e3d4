import { keep, reshape, type Tensor, type Tensor3D, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { matMul, requireInteger, requireKnownOptions, requireOption, requirePositive } from '@vqkit/core-tensor';
import { createStft, type StftOptions } from './stft.ts';

export interface MelOptions extends StftOptions {
  /** Samples per second. */
  readonly sampleRate: number;
  /** Bands. Default 80. */
  readonly mels?: number | undefined;
  /** Hertz, where the lowest band begins. Default 0. */
  readonly lowest?: number | undefined;
  /** Hertz, where the highest band ends. Default sampleRate / 2. */
  readonly highest?: number | undefined;
}

/** A mel spectrogram and the tensors that it keeps. */
export interface MelSpectrogram {
  /** [batch, samples] → the magnitudes in each band, [batch, frames, mels]. */
  apply(x: Tensor): Tensor3D;
  dispose(): void;
}

/**
 * Mel spectrograms: the magnitudes of {@link createStft}, added up in bands that are even to the ear.
 *
 * Bands are Slaney's triangles of equal area, as librosa's `melspectrogram(power=1)` has them.
 *
 * @throws as createStft, and OptionError when an option of the bands breaks its rule.
 * @example
 * const mel = createMelSpectrogram({ sampleRate: 16000, fftSize: 512, mels: 80 });
 * const bands = mel.apply(tf.zeros([1, 16000])); // [1, 126, 80]
 */
export function createMelSpectrogram(options: MelOptions): MelSpectrogram {
  const where = 'createMelSpectrogram';
  requireKnownOptions(where, options, ['fftSize', 'hop', 'center', 'sampleRate', 'mels', 'lowest', 'highest']);
  const { sampleRate, mels = 80, lowest = 0, highest = sampleRate / 2, ...own } = options;
  const stft = createStft(own);
  const filters = keep(
    tensor2d(melFilters({ sampleRate, fftSize: own.fftSize, mels, lowest, highest }), [stft.bins, mels]),
  );
  return {
    apply: (x) =>
      tidy(() => {
        const magnitude = stft.magnitude(x);
        const [batch, frames] = magnitude.shape;
        const bands = matMul(reshape(magnitude, [batch * frames, stft.bins]), filters);
        return reshape(bands, [batch, frames, mels]);
      }),
    dispose() {
      stft.dispose();
      filters.dispose();
    },
  };
}

/**
 * The weight of each frequency in each band, [fftSize / 2 + 1, mels] in rows: triangles from one centre to the next but one, centres evenly spaced on
 * Slaney's scale (linear to 1 kHz, logarithmic above), divided by half their width in hertz.
 *
 * Source: Slaney, "Auditory Toolbox", 1998, as librosa's `filters.mel`.
 * @throws OptionError when an option breaks its rule.
 * @example
 * melFilters({ sampleRate: 16000, fftSize: 512, mels: 80 }).length; // 20560
 */
export function melFilters(options: Omit<MelOptions, 'hop' | 'center'>): Float32Array {
  const where = 'melFilters';
  requireKnownOptions(where, options, ['fftSize', 'sampleRate', 'mels', 'lowest', 'highest']);
  const { sampleRate, fftSize, mels = 80, lowest = 0, highest = sampleRate / 2 } = options;
  requirePositive(where, 'sampleRate', sampleRate);
  requireInteger(where, 'fftSize', fftSize, 2, 2 ** 15);
  requireInteger(where, 'mels', mels, 1, fftSize / 2);
  const inRange = lowest >= 0 && lowest < highest && highest <= sampleRate / 2;
  const rule = `below highest, and that at most half of sampleRate, ${sampleRate / 2}`;
  requireOption(inRange, where, 'lowest', rule, [lowest, highest], 'Leave both out.');
  const [from, to] = [melOf(lowest), melOf(highest)];
  const edges = Array.from({ length: mels + 2 }, (_, i) => hertzOf(from + ((to - from) * i) / (mels + 1)));
  const bins = fftSize / 2 + 1;
  const weights = new Float32Array(bins * mels);
  for (let band = 0; band < mels; band++) {
    const [low, center, high] = edges.slice(band, band + 3) as [number, number, number];
    for (let k = 0; k < bins; k++) {
      const hertz = (k * sampleRate) / fftSize;
      const height = Math.min((hertz - low) / (center - low), (high - hertz) / (high - center));
      weights[k * mels + band] = (Math.max(0, height) * 2) / (high - low);
    }
  }
  return weights;
}

const LINEAR_HERTZ = 200 / 3;
const LOG_FROM = 1000;
const LOG_STEP = Math.log(6.4) / 27;

function melOf(hertz: number): number {
  return hertz < LOG_FROM ? hertz / LINEAR_HERTZ : LOG_FROM / LINEAR_HERTZ + Math.log(hertz / LOG_FROM) / LOG_STEP;
}

function hertzOf(mel: number): number {
  const logFrom = LOG_FROM / LINEAR_HERTZ;
  return mel < logFrom ? mel * LINEAR_HERTZ : LOG_FROM * Math.exp(LOG_STEP * (mel - logFrom));
}
