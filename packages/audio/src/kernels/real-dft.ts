import { add, slice, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { defineKernel, type Kernel, matMul, provideKernel } from '@vqkit/core-tensor';
import { realDftGradPlain, realDftPlain } from './real-dft-plain.ts';

export interface DftAttrs {
  /** Numbers in a row, even. */
  readonly fftSize: number;
  /** {@link dftBasis}, for engines that have nothing better than a product with it. Default: made for every call. */
  readonly basis?: Tensor2D | undefined;
}

/** [rows, fftSize] → `X[k] = Σ_n x[n] e^(-2πi k n / fftSize)` for k up to fftSize / 2: real and imaginary parts. */
export const RealDft: Kernel<{ x: Tensor2D }, DftAttrs, [real: Tensor2D, imaginary: Tensor2D]> = defineKernel({
  name: 'RealDft',
  reference: ({ x }, { fftSize, basis = dftBasis(fftSize) }) => {
    const both = matMul(x, basis);
    const size = [x.shape[0], fftSize / 2 + 1] as [number, number];
    return [slice(both, [0, 0], size), slice(both, [0, size[1]], size)];
  },
});

/** Its adjoint: from the slopes of both parts to that of x. */
export const RealDftGrad: Kernel<{ real: Tensor2D; imaginary: Tensor2D }, DftAttrs, [dx: Tensor2D]> = defineKernel({
  name: 'RealDftGrad',
  reference: ({ real, imaginary }, { fftSize, basis = dftBasis(fftSize) }) => {
    const bins = fftSize / 2 + 1;
    const [cosines, sines] = [0, bins].map((from) => slice(basis, [0, from], [fftSize, bins])) as [Tensor2D, Tensor2D];
    return [add(matMul(real, cosines, false, true), matMul(imaginary, sines, false, true))];
  },
});

provideKernel('cpu', 'RealDft', realDftPlain);
provideKernel('cpu', 'RealDftGrad', realDftGradPlain);

/** Row n: cos(2π k n / fftSize) for every k up to fftSize / 2, then -sin(…). */
export function dftBasis(fftSize: number): Tensor2D {
  const bins = fftSize / 2 + 1;
  const turns = Array.from({ length: fftSize }, (_, i) => (2 * Math.PI * i) / fftSize);
  const cosines = turns.map(Math.cos);
  const sines = turns.map(Math.sin);
  const basis = new Float32Array(fftSize * 2 * bins);
  for (let n = 0; n < fftSize; n++) {
    for (let k = 0; k < bins; k++) {
      const turn = (k * n) % fftSize;
      basis[n * 2 * bins + k] = cosines[turn] as number;
      basis[n * 2 * bins + bins + k] = -(sines[turn] as number);
    }
  }
  return tensor2d(basis, [fftSize, 2 * bins]);
}
