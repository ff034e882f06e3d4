import { keep, type Tensor, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import {
  requireAlive,
  requireBoolean,
  requireInteger,
  requireKnownOptions,
  requireOption,
  requireTensor,
  ShapeError,
} from '@vqkit/core-tensor';
import { basisFor, framesIn, type StftAttrs, stft, stftMagnitude } from './kernels/stft.ts';

export interface StftOptions {
  /** Samples of a window, even. */
  readonly fftSize: number;
  /** Samples from one window to the next, a divisor of fftSize. Default fftSize / 4. */
  readonly hop?: number | undefined;
  /** Whether window t is centred on sample t · hop, both ends reflected. Default true, as in PyTorch. */
  readonly center?: boolean | undefined;
}

/** A transform and the tensors that it keeps. */
export interface Stft {
  /** Frequencies: fftSize / 2 + 1, that of bin k is k / fftSize of the sample rate. */
  readonly bins: number;
  /** Windows in so many samples. */
  frames(samples: number): number;
  /** [batch, samples] → real and imaginary parts [batch, frames, bins]. */
  transform(x: Tensor): { real: Tensor3D; imaginary: Tensor3D };
  /** √max(re² + im², floor), [batch, frames, bins]; where the floor holds, the gradient is 0. */
  magnitude(x: Tensor, floor?: number): Tensor3D;
  /** Frees what it keeps. */
  dispose(): void;
}

/**
 * The short-time Fourier transform with a periodic Hann window: `X[t, k] = Σ_n w[n] x[t · hop + n] e^(-2πi k n / fftSize)`. For powers of two from 8 on wasm, native
 * TensorFlow and cpu have a fast Fourier transform of their own; other sizes, and WebGPU, take a product with a matrix of fftSize rows.
 *
 * - Shapes: x [batch, samples] with samples > fftSize / 2 (centred) or >= fftSize. Units: those of x.
 * - Equal to `torch.stft` with `window=torch.hann_window(fftSize)` and librosa's `stft`, to the rounding of float32.
 *
 * Start an engine first, and dispose the transform before another is chosen.
 *
 * @throws OptionError when an option breaks its rule; ShapeError for other axes or too few samples; DisposedError after `dispose`.
 * @example
 * const stft = createStft({ fftSize: 512 });
 * const spectrogram = stft.magnitude(tf.zeros([1, 16000])); // [1, 126, 257]
 */
export function createStft(options: StftOptions): Stft {
  const where = 'createStft';
  requireKnownOptions(where, options, ['fftSize', 'hop', 'center']);
  const { fftSize, hop = fftSize / 4, center = true } = options;
  requireInteger(where, 'fftSize', fftSize, 2, 2 ** 15);
  requireOption(fftSize % 2 === 0, where, 'fftSize', 'even', fftSize, `Use ${fftSize + 1}.`);
  requireInteger(where, 'hop', hop, 1, fftSize);
  requireOption(fftSize % hop === 0, where, 'hop', `a divisor of fftSize, ${fftSize}`, hop, `Use ${fftSize / 2}.`);
  requireBoolean(where, 'center', center);
  const bins = fftSize / 2 + 1;
  const basis = basisFor(fftSize);
  if (basis !== undefined) keep(basis);
  const attrs: StftAttrs = { fftSize, hop, center, basis };
  let disposed = false;

  const checked = (call: string, x: Tensor): Tensor2D => {
    const name = `${where}().${call}`;
    requireAlive(disposed, name, 'the transform');
    requireTensor(name, 'x', x);
    const [, samples = 0] = x.shape;
    const least = center ? fftSize / 2 + 1 : fftSize;
    if (x.rank !== 2 || samples < least) {
      const rule = `be [batch, samples] with ${least} samples or more`;
      throw new ShapeError(name, 'x', rule, x.shape, 'Pad it with zeros.');
    }
    return x as Tensor2D;
  };
  return {
    bins,
    frames: (samples) => framesIn(samples, attrs),
    transform(x) {
      const [real, imaginary] = tidy(() => stft(checked('transform', x), attrs));
      return { real, imaginary };
    },
    magnitude: (x, floor = 1e-10) => tidy(() => stftMagnitude(checked('magnitude', x), { ...attrs, floor })),
    dispose() {
      disposed = true;
      basis?.dispose();
    },
  };
}
