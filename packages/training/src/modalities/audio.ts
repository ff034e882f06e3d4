import { add, mul, reshape, type Scalar, type Tensor, tensor3d, tidy, transpose } from '@tensorflow/tfjs-core';
import { createMelLoss, createMultiResolutionStftLoss, siSdr } from '@vqkit/audio';
import { requireInteger } from '@vqkit/core-tensor';
import { audioTensors } from '@vqkit/tokenizer';
import { createStftDiscriminator } from '../discriminators/stft.ts';
import type { LossOptions, Modality, QualityMeter } from '../modality.ts';
import type { AudioQuality } from '../records.ts';
import { reconstructionLoss } from './loss.ts';

/** How reconstructions of sound are scored. */
export interface AudioScoring {
  /** Samples per second. */
  readonly sampleRate: number;
  /** Of a segment, 16 or more: windows are no longer. */
  readonly samples: number;
  /** What the difference of the waveforms counts in the loss. */
  readonly waveWeight: number;
  /** What the multi-resolution STFT loss counts. */
  readonly stftWeight: number;
  /** What the mel distance counts. */
  readonly melWeight: number;
}

/** Sound, with the transforms that scoring it keeps. Its discriminator takes the windows of the STFT loss. */
export interface AudioModality extends Modality {
  /** Windows of the STFT loss, and window and bands of the mel spectrogram. */
  readonly sizes: { readonly fftSizes: readonly number[]; readonly melFftSize: number; readonly mels: number };
  createMeter(shape: readonly number[]): QualityMeter<AudioQuality>;
  /** Frees the transforms. */
  dispose(): void;
}

const WINDOWS = [2048, 1024, 512, 256, 128, 64, 32, 16];
/** Samples of the shortest segment that can be scored: the shortest window. */
export const LEAST_SAMPLES = 16;
/** Of the mel spectrogram: 64 ms, as a power of two. */
const MEL_SECONDS = 0.064;
const MOST_MELS = 64;

/**
 * Sound in [-1, 1]. The loss is `waveWeight` · the difference of the waveforms + `stftWeight` · the multi-resolution STFT loss + `melWeight` · the mel
 * distance, channels as sounds of their own. Quality is SI-SDR and the two distances, whatever the weights are.
 *
 * Start an engine first, and dispose it before another is chosen.
 *
 * @throws OptionError when an option breaks its rule.
 * @example
 * const own = createAudioModality({ sampleRate: 16000, samples: 8000, waveWeight: 1, stftWeight: 1, melWeight: 1 });
 * own.loss(tf.zeros([2, 8000, 1]), tf.zeros([2, 8000, 1]), { loss: 'l1' }).shape; // []
 */
export function createAudioModality(scoring: AudioScoring): AudioModality {
  const { sampleRate, samples, waveWeight, stftWeight, melWeight } = scoring;
  requireInteger('createAudioModality', 'samples', samples, LEAST_SAMPLES);
  const fits = (size: number): boolean => size <= samples;
  const fftSizes = WINDOWS.filter(fits).slice(0, 3);
  const stft = createMultiResolutionStftLoss({ fftSizes });
  const wanted = 2 ** Math.round(Math.log2(MEL_SECONDS * sampleRate));
  const fftSize = WINDOWS.filter(fits).find((size) => size <= wanted) ?? 16;
  const mels = Math.min(MOST_MELS, fftSize / 4);
  const mel = createMelLoss({ sampleRate, fftSize, mels });
  return {
    ...audioTensors,
    sizes: { fftSizes, melFftSize: fftSize, mels },
    loss(output, examples, options: LossOptions) {
      const [own, goal] = [waves(output), waves(examples)];
      const terms: [Scalar, ...Scalar[]] = [mul(reconstructionLoss(output, examples, options), waveWeight)];
      if (stftWeight > 0) terms.push(mul(stft.apply(own, goal), stftWeight));
      if (melWeight > 0) terms.push(mul(mel.apply(own, goal), melWeight));
      return terms.reduce((sum, term) => add(sum, term));
    },
    createMeter([length = 0, channels = 0]) {
      let [numbers, absolute, squared, ratios, measured, segments, silent, melSum, stftSum] = [
        0, 0, 0, 0, 0, 0, 0, 0, 0,
      ];
      return {
        async add(examples, reconstructions) {
          const own = length * channels;
          for (let from = 0; from < examples.length; from += own) {
            const [example, output] = [examples.subarray(from, from + own), reconstructions.subarray(from, from + own)];
            for (let i = 0; i < own; i++) {
              const difference = (example[i] as number) - (output[i] as number);
              absolute += Math.abs(difference);
              squared += difference * difference;
            }
            const ratio = siSdr(output, example);
            if (example.every((x) => x === 0)) silent++;
            else if (Number.isFinite(ratio)) [ratios, measured] = [ratios + ratio, measured + 1];
          }
          const count = examples.length / own;
          const distances = tidy(() => {
            const [x, goal] = [reconstructions, examples].map((values) =>
              tensor3d(values, [count, length, channels]),
            ) as [Tensor, Tensor];
            return [mel.apply(waves(x), waves(goal)), stft.apply(waves(x), waves(goal))];
          });
          const [melOf, stftOf] = await Promise.all(
            distances.map(async (distance) => (await distance.data())[0] as number),
          );
          for (const distance of distances) distance.dispose();
          numbers += examples.length;
          segments += count;
          melSum += count * (melOf as number);
          stftSum += count * (stftOf as number);
        },
        report: () => ({
          l1: numbers === 0 ? 0 : absolute / numbers,
          mse: numbers === 0 ? 0 : squared / numbers,
          siSdrDb: measured === 0 ? null : ratios / measured,
          melDistance: segments === 0 ? 0 : melSum / segments,
          stftDistance: segments === 0 ? 0 : stftSum / segments,
          silentSegments: silent,
        }),
      };
    },
    createDiscriminator: ({ shape: [, channels], filters, seed }) =>
      createStftDiscriminator({ channels, fftSizes, filters, seed }),
    dispose() {
      stft.dispose();
      mel.dispose();
    },
  };
}

/** [batch, samples, channels] → [batch · channels, samples]. */
function waves(sound: Tensor): Tensor {
  const [batch = 0, samples = 0, channels = 0] = sound.shape;
  return reshape(channels === 1 ? sound : transpose(sound, [0, 2, 1]), [batch * channels, samples]);
}
