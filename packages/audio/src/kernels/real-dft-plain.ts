import type { KernelBackend, KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';

/** RealDft on tfjs's cpu engine, for powers of two: a fast Fourier transform in float64. */
export const realDftPlain: KernelFunc = ({ inputs, attrs, backend }) => {
  const { x } = inputs as { x: TensorInfo };
  const { fftSize } = attrs as { fftSize: number };
  const [rows, bins] = [x.shape[0] as number, fftSize / 2 + 1];
  const samples = floatsOf(x, backend);
  const [real, imaginary] = [new Float32Array(rows * bins), new Float32Array(rows * bins)];
  const { re, im, run } = createFft(fftSize);
  for (let row = 0; row < rows; row++) {
    re.set(samples.subarray(row * fftSize, (row + 1) * fftSize));
    im.fill(0);
    run();
    real.set(re.subarray(0, bins), row * bins);
    imaginary.set(im.subarray(0, bins), row * bins);
  }
  return [real, imaginary].map((values) => written(values, [rows, bins], backend));
};

/** RealDftGrad there: `dx[n] = Re Σ_k (re[k] - i im[k]) e^(-2πi k n / fftSize)`. */
export const realDftGradPlain: KernelFunc = ({ inputs, attrs, backend }) => {
  const { real, imaginary } = inputs as Record<'real' | 'imaginary', TensorInfo>;
  const { fftSize } = attrs as { fftSize: number };
  const [rows, bins] = real.shape as [number, number];
  const [reals, imaginaries] = [floatsOf(real, backend), floatsOf(imaginary, backend)];
  const dx = new Float32Array(rows * fftSize);
  const { re, im, run } = createFft(fftSize);
  for (let row = 0; row < rows; row++) {
    re.fill(0, bins);
    im.fill(0, bins);
    for (let k = 0, at = row * bins; k < bins; k++, at++) {
      re[k] = reals[at] as number;
      im[k] = -(imaginaries[at] as number);
    }
    run();
    dx.set(re, row * fftSize);
  }
  return [written(dx, [rows, fftSize], backend)];
};

/** Transforms `size` complex numbers in place, re and im; `size` is a power of two. */
function createFft(size: number): { re: Float64Array; im: Float64Array; run: () => void } {
  const [re, im] = [new Float64Array(size), new Float64Array(size)];
  const cosines = Float64Array.from({ length: size / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / size));
  const sines = Float64Array.from({ length: size / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / size));
  const order = new Uint32Array(size);
  for (let i = 1; i < size; i++) order[i] = ((order[i >> 1] as number) >> 1) + (i % 2) * (size / 2);
  const run = (): void => {
    for (let i = 0; i < size; i++) {
      const j = order[i] as number;
      if (j <= i) continue;
      [re[i], re[j]] = [re[j] as number, re[i] as number];
      [im[i], im[j]] = [im[j] as number, im[i] as number];
    }
    for (let half = 1; half < size; half *= 2) {
      for (let k = 0; k < half; k++) {
        const turn = (k * size) / (2 * half);
        const [c, s] = [cosines[turn] as number, sines[turn] as number];
        for (let a = k; a < size; a += 2 * half) {
          const b = a + half;
          const [br, bi] = [re[b] as number, im[b] as number];
          const [xr, xi] = [br * c - bi * s, br * s + bi * c];
          re[b] = (re[a] as number) - xr;
          im[b] = (im[a] as number) - xi;
          re[a] = (re[a] as number) + xr;
          im[a] = (im[a] as number) + xi;
        }
      }
    }
  };
  return { re, im, run };
}

/** The values of a tensor of the cpu engine, which has them at hand. */
function floatsOf({ dataId }: TensorInfo, backend: unknown): Float32Array {
  return (backend as KernelBackend).readSync(dataId) as Float32Array;
}

function written(values: Float32Array, shape: number[], backend: unknown): TensorInfo {
  return { dataId: (backend as KernelBackend).write(values, shape, 'float32'), shape, dtype: 'float32' };
}
