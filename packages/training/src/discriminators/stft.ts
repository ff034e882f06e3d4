import { concat, leakyRelu, mul, reshape, type Tensor, transpose } from '@tensorflow/tfjs-core';
import { createStft, type Stft } from '@vqkit/audio';
import { createRng, requireInteger, requireKnownOptions, requireOption } from '@vqkit/core-tensor';
import { createConv2d, createScope, type Module, type PlaneOptions, requireChannels, type Scope } from '@vqkit/nn';
import { buildDiscriminator, type Discriminator, LEAK } from './discriminator.ts';

export interface StftDiscriminatorOptions {
  /** Of a sound: 1 mono, 2 stereo. Default 1. */
  readonly channels?: number | undefined;
  /** Samples of the windows, one scale for each, with hops of a quarter. Default [1024, 2048, 512]. */
  readonly fftSizes?: readonly number[] | undefined;
  /** Channels of the convolutions. Default 32. */
  readonly filters?: number | undefined;
  /** Of the weights, 0 to 2^32 - 1. Default 0. */
  readonly seed?: number | undefined;
}

const DILATIONS = [1, 2, 4];
/** Taps along time and frequency. */
const KERNEL = [3, 9] as const;
/** Σ w² of a periodic Hann window over its samples. */
const HANN_ENERGY = 3 / 8;

/**
 * The multi-scale STFT discriminator of EnCodec: for each window size the real and imaginary parts of the short-time Fourier transform, over the norm of the
 * window, are channels of a picture of time and frequency, and convolutions give a score for every place of it:
 *
 *     conv3×9 2→32, conv3×9 32→32 with dilation 1, then 2, then 4 along time and stride 2 along frequency, conv3 32→32, conv3 32→1
 *
 * each with weight norm, a leaky ReLU of slope 0.2 before every further one.
 *
 * State: `discriminators.0.convs.0.conv.weight_g`, `….weight_v`, `….bias`, …, `discriminators.0.conv_post.conv.…`, as in the official code.
 *
 * - Shapes: sound [batch, samples, channels] with as many samples as the largest window → for each window scores [batch, frames, ⌈bins / 8⌉, 1], frames as of a
 *   transform that is not centred.
 * - Gradient: to sound and weights.
 *
 * Start an engine first, and dispose it before another is chosen.
 *
 * Source: Défossez and others, "High Fidelity Neural Audio Compression" (EnCodec), arXiv:2210.13438.
 * @throws OptionError when an option breaks its rule; ShapeError, from `judge`, for other channels or too few samples.
 * @example
 * const discriminator = createStftDiscriminator({ fftSizes: [512, 256], filters: 4 });
 * discriminator.judge(tf.zeros([2, 4000, 1])).scores.length; // 2
 */
export function createStftDiscriminator(options: StftDiscriminatorOptions = {}): Discriminator {
  const where = 'createStftDiscriminator';
  requireKnownOptions(where, options, ['channels', 'fftSizes', 'filters', 'seed']);
  const { channels = 1, fftSizes = [1024, 2048, 512], filters = 32, seed = 0 } = options;
  requireInteger(where, 'channels', channels, 1);
  requireInteger(where, 'filters', filters, 1);
  requireInteger(where, 'seed', seed, 0, 2 ** 32 - 1);
  const isList = Array.isArray(fftSizes) && fftSizes.length > 0;
  requireOption(isList, where, 'fftSizes', 'a list of one size or more', fftSizes, 'Leave it out.');
  const scope = createScope(createRng(seed).fork('discriminator'));
  const scales = fftSizes.map((fftSize, i) => ({
    transform: createStft({ fftSize, center: false }),
    scale: 1 / Math.sqrt(HANN_ENERGY * fftSize),
    ...createScale(scope.at('discriminators').at(i), 2 * channels, filters),
  }));
  const judge = (sound: Tensor): { scores: Tensor[]; features: Tensor[] } => {
    requireChannels(`${where}().judge`, sound.shape, 1, channels);
    const [scores, features]: [Tensor[], Tensor[]] = [[], []];
    for (const { transform, scale, convs, last } of scales) {
      let x = mul(spectrum(sound, transform), scale);
      for (const conv of convs) {
        x = leakyRelu(conv.apply(x), LEAK);
        features.push(x);
      }
      scores.push(last.apply(x));
    }
    return { scores, features };
  };
  return buildDiscriminator(where, scope, judge, () => {
    for (const { transform } of scales) transform.dispose();
  });
}

/** The convolutions of one window size. */
function createScale(scope: Scope, inputs: number, filters: number): { convs: Module[]; last: Module } {
  const conv = (
    at: Scope,
    options: Pick<PlaneOptions, 'inputs' | 'outputs' | 'kernel' | 'stride' | 'dilation' | 'padding'>,
  ): Module => createConv2d(at.at('conv'), { ...options, weightNorm: true });
  const convs = scope.at('convs');
  const around = Math.floor(KERNEL[1] / 2);
  const wide = DILATIONS.map((dilation, i) =>
    conv(convs.at(i + 1), {
      inputs: filters,
      outputs: filters,
      kernel: KERNEL,
      stride: [1, 2],
      dilation: [dilation, 1],
      padding: [
        [dilation, dilation],
        [around, around],
      ],
    }),
  );
  return {
    convs: [
      conv(convs.at(0), { inputs, outputs: filters, kernel: KERNEL }),
      ...wide,
      conv(convs.at(DILATIONS.length + 1), { inputs: filters, outputs: filters, kernel: 3 }),
    ],
    last: conv(scope.at('conv_post'), { inputs: filters, outputs: 1, kernel: 3 }),
  };
}

/** [batch, samples, channels] → [batch, frames, bins, 2 · channels], the real parts first. */
function spectrum(sound: Tensor, transform: Stft): Tensor {
  const [batch = 0, samples = 0, channels = 0] = sound.shape;
  const waves = reshape(transpose(sound, [0, 2, 1]), [batch * channels, samples]);
  const { real, imaginary } = transform.transform(waves);
  const parts = [real, imaginary].map((part) => reshape(part, [batch, channels, ...part.shape.slice(1)]));
  return transpose(concat(parts, 1), [0, 2, 3, 1]);
}
