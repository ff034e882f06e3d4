import {
  complex,
  imag,
  type KernelFunc,
  mul,
  real as realPart,
  type Tensor,
  tensor1d,
  tidy,
} from '@tensorflow/tfjs-core';
import { operation } from './operation.ts';

const TYPES = { Treal: 'TF_FLOAT', Tcomplex: 'TF_COMPLEX64' } as const;

/** TensorFlow's fast Fourier transform of real numbers. */
export const realDft: KernelFunc = ({ inputs, attrs }) => {
  const { x } = inputs as { x: Tensor };
  const { fftSize } = attrs as { fftSize: number };
  return tidy(() => {
    const spectrum = operation('RFFT', TYPES, [x, tensor1d([fftSize], 'int32')]);
    return [realPart(spectrum), imag(spectrum)];
  });
};

/** Its adjoint by the inverse, which counts all frequencies but the first and the last twice and divides by fftSize. */
export const realDftGrad: KernelFunc = ({ inputs, attrs }) => {
  const { real, imaginary } = inputs as Record<'real' | 'imaginary', Tensor>;
  const { fftSize } = attrs as { fftSize: number };
  return tidy(() => {
    const half = fftSize / 2;
    const scale = tensor1d(Float32Array.from({ length: half + 1 }, (_, k) => (k % half === 0 ? fftSize : half)));
    const slopes = complex(mul(real, scale), mul(imaginary, scale));
    return operation('IRFFT', TYPES, [slopes, tensor1d([fftSize], 'int32')]);
  });
};
