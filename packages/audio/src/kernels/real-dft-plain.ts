import type { KernelBackend, KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { fft } from '../fft.ts';

/** RealDft on tfjs's cpu engine, for powers of two: a fast Fourier transform in float64. */
export const realDftPlain: KernelFunc = ({ inputs, attrs, backend }) => {
  const { x } = inputs as { x: TensorInfo };
  const { fftSize } = attrs as { fftSize: number };
  const [rows, bins] = [x.shape[0] as number, fftSize / 2 + 1];
  const samples = floatsOf(x, backend);
  const [real, imaginary] = [new Float32Array(rows * bins), new Float32Array(rows * bins)];
  const [re, im] = [new Float64Array(fftSize), new Float64Array(fftSize)];
  for (let row = 0; row < rows; row++) {
    re.set(samples.subarray(row * fftSize, (row + 1) * fftSize));
    im.fill(0);
    fft(re, im);
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
  const [re, im] = [new Float64Array(fftSize), new Float64Array(fftSize)];
  for (let row = 0; row < rows; row++) {
    re.fill(0, bins);
    im.fill(0, bins);
    for (let k = 0, at = row * bins; k < bins; k++, at++) {
      re[k] = reals[at] as number;
      im[k] = -(imaginaries[at] as number);
    }
    fft(re, im);
    dx.set(re, row * fftSize);
  }
  return [written(dx, [rows, fftSize], backend)];
};

/** The values of a tensor of the cpu engine, which has them at hand. */
function floatsOf({ dataId }: TensorInfo, backend: unknown): Float32Array {
  return (backend as KernelBackend).readSync(dataId) as Float32Array;
}

function written(values: Float32Array, shape: number[], backend: unknown): TensorInfo {
  return { dataId: (backend as KernelBackend).write(values, shape, 'float32'), shape, dtype: 'float32' };
}
