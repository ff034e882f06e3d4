import {
  abs,
  add,
  div,
  log,
  maximum,
  mul,
  type Scalar,
  sqrt,
  square,
  sub,
  type Tensor,
  tidy,
} from '@tensorflow/tfjs-core';
import { mean, requireKnownOptions, requireOption, ShapeError, show, sum } from '@vqkit/core-tensor';
import { createMelSpectrogram, type MelOptions } from './mel.ts';
import { createStft } from './stft.ts';

/** A loss between sounds and the tensors that it keeps. */
export interface SpectralLoss {
  /** Of two waveforms [batch, samples], the second the one to reach. */
  apply(x: Tensor, target: Tensor): Scalar;
  dispose(): void;
}

/**
 * The multi-resolution STFT loss: over several window sizes the mean of the spectral convergence `‖S_t - S_x‖ / ‖S_t‖` and of the mean
 * `|ln S_t - ln S_x|`, S the magnitudes of {@link createStft}, at least 10^-5. 0 for equal sounds.
 *
 * Source: Yamamoto, Song, Kim, "Parallel WaveGAN", arXiv:1910.11480, here with hops of a quarter.
 * @param options.fftSizes samples of the windows. Default [2048, 1024, 512].
 * @throws OptionError for an empty list; as createStft.
 * @example
 * const loss = createMultiResolutionStftLoss({ fftSizes: [1024, 512] });
 * loss.apply(tf.zeros([1, 4000]), tf.zeros([1, 4000])).shape; // []
 */
export function createMultiResolutionStftLoss(options: { readonly fftSizes?: readonly number[] } = {}): SpectralLoss {
  const where = 'createMultiResolutionStftLoss';
  requireKnownOptions(where, options, ['fftSizes']);
  const { fftSizes = [2048, 1024, 512] } = options;
  const isList = Array.isArray(fftSizes) && fftSizes.length > 0;
  requireOption(isList, where, 'fftSizes', 'a list of one size or more', fftSizes, 'Leave it out.');
  const transforms = fftSizes.map((fftSize) => createStft({ fftSize }));
  return {
    apply(x, target) {
      requireEqualShapes(where, x, target);
      return tidy(() => {
        const terms = transforms.map((stft): Scalar => {
          const [own, goal] = [stft.magnitude(x), stft.magnitude(target)];
          const convergence = div(length(sub(goal, own)), length(goal));
          return add(convergence, mean(abs(sub(log(goal), log(own)))));
        });
        return mul(
          terms.reduce((sum, term) => add(sum, term)),
          1 / terms.length,
        );
      });
    },
    dispose() {
      for (const stft of transforms) stft.dispose();
    },
  };
}

/**
 * The mel distance: the mean `|log₁₀ max(M_t, 10^-5) - log₁₀ max(M_x, 10^-5)|` of mel spectrograms M, plus the mean `|M_t - M_x|`. 0 for equal sounds.
 *
 * Source: Kumar and others, "High-Fidelity Audio Compression with Improved RVQGAN" (DAC), arXiv:2306.06546, with one window size.
 * @throws as createMelSpectrogram.
 * @example
 * const loss = createMelLoss({ sampleRate: 16000, fftSize: 512, mels: 40 });
 * loss.apply(tf.zeros([1, 4000]), tf.zeros([1, 4000])).shape; // []
 */
export function createMelLoss(options: MelOptions): SpectralLoss {
  const mel = createMelSpectrogram(options);
  return {
    apply(x, target) {
      requireEqualShapes('createMelLoss', x, target);
      return tidy(() => {
        const [own, goal] = [mel.apply(x), mel.apply(target)];
        const logs = sub(log(maximum(goal, 1e-5)), log(maximum(own, 1e-5)));
        return add(mul(mean(abs(logs)), Math.LOG10E), mean(abs(sub(goal, own))));
      });
    },
    dispose: () => mel.dispose(),
  };
}

/** The Euclidean norm; where it is 0 its gradient is. */
function length(x: Tensor): Tensor {
  return sqrt(maximum(sum(square(x)), 1e-24));
}

function requireEqualShapes(where: string, x: Tensor, target: Tensor): void {
  if (x.shape.join() === target.shape.join()) return;
  throw new ShapeError(
    `${where}().apply`,
    'target',
    `have the shape of x, ${show(x.shape)}`,
    target.shape,
    'Cut or pad it.',
  );
}
