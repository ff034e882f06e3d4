import {
  add,
  concat,
  keep,
  maximum,
  reshape,
  reverse,
  slice,
  split,
  sqrt,
  square,
  type Tensor,
  type Tensor3D,
  tensor2d,
  tidy,
} from '@tensorflow/tfjs-core';
import {
  matMul,
  requireAlive,
  requireBoolean,
  requireInteger,
  requireKnownOptions,
  requireOption,
  requireTensor,
  ShapeError,
} from '@vqkit/core-tensor';

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
 * The short-time Fourier transform with a periodic Hann window: `X[t, k] = Σ_n w[n] x[t · hop + n] e^(-2πi k n / fftSize)`. It is one product with a matrix
 * of fftSize rows, which every engine has with its gradient.
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
  const basis = keep(tensor2d(windowedBasis(fftSize), [fftSize, 2 * bins]));
  const half = fftSize / 2;
  const frames = (samples: number): number => Math.floor((samples + (center ? fftSize : 0) - fftSize) / hop) + 1;

  const transform = (call: string, x: Tensor): [Tensor3D, Tensor3D] => {
    const name = `${where}().${call}`;
    requireAlive(basis.isDisposed, name, 'the transform');
    requireTensor(name, 'x', x);
    const [batch = 0, samples = 0] = x.shape;
    const least = center ? half + 1 : fftSize;
    if (x.rank !== 2 || samples < least) {
      throw new ShapeError(
        name,
        'x',
        `be [batch, samples] with ${least} samples or more`,
        x.shape,
        'Pad it with zeros.',
      );
    }
    const count = frames(samples);
    const padded = center ? reflected(x, half) : x;
    // [batch, count + fftSize / hop - 1, hop], of which window t is the rows from t on.
    const rows = count + fftSize / hop - 1;
    const hops = reshape(slice(padded, [0, 0], [batch, rows * hop]), [batch, rows, hop]);
    const shifted = Array.from({ length: fftSize / hop }, (_, i) => slice(hops, [0, i, 0], [batch, count, hop]));
    const windows = reshape(shifted.length === 1 ? hops : concat(shifted, 2), [batch * count, fftSize]);
    return split(reshape(matMul(windows, basis), [batch, count, 2 * bins]), 2, 2) as [Tensor3D, Tensor3D];
  };
  return {
    bins,
    frames,
    transform(x) {
      const [real, imaginary] = tidy(() => transform('transform', x));
      return { real, imaginary };
    },
    magnitude(x, floor = 1e-10) {
      return tidy(() => {
        const [real, imaginary] = transform('magnitude', x);
        return sqrt(maximum(add(square(real), square(imaginary)), floor)) as Tensor3D;
      });
    },
    dispose: () => basis.dispose(),
  };
}

/** x with so many samples mirrored at either end, these not repeated. */
function reflected(x: Tensor, count: number): Tensor {
  const [batch = 0, samples = 0] = x.shape;
  const mirror = (from: number): Tensor => reverse(slice(x, [0, from], [batch, count]), 1);
  return concat([mirror(1), x, mirror(samples - 1 - count)], 1);
}

/** Row n: w[n] cos(2π k n / fftSize) for every k, then -w[n] sin(…). */
function windowedBasis(fftSize: number): Float32Array {
  const bins = fftSize / 2 + 1;
  const turns = Array.from({ length: fftSize }, (_, i) => (2 * Math.PI * i) / fftSize);
  const cosines = turns.map(Math.cos);
  const sines = turns.map(Math.sin);
  const basis = new Float32Array(fftSize * 2 * bins);
  for (let n = 0; n < fftSize; n++) {
    const window = 0.5 - 0.5 * (cosines[n] as number);
    for (let k = 0; k < bins; k++) {
      const turn = (k * n) % fftSize;
      basis[n * 2 * bins + k] = window * (cosines[turn] as number);
      basis[n * 2 * bins + bins + k] = -window * (sines[turn] as number);
    }
  }
  return basis;
}
