import {
  add,
  addN,
  concat,
  div,
  greater,
  maximum,
  mul,
  pad,
  reshape,
  reverse,
  slice,
  sqrt,
  square,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  tensor1d,
  where,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { defineKernel, type Kernel, kernelReport } from '@vqkit/core-tensor';
import { type DftAttrs, dftBasis, RealDft, RealDftGrad } from './real-dft.ts';

/** Which windows of a row of samples. */
export interface StftAttrs extends DftAttrs {
  /** Samples from one window to the next, a divisor of fftSize. */
  readonly hop: number;
  /** Whether window t is centred on sample t · hop, both ends reflected. */
  readonly center: boolean;
}

interface OfSamples extends StftAttrs {
  /** Of a row. */
  readonly samples: number;
}

interface WithFloor extends StftAttrs {
  readonly floor: number;
}

const StftGrad: Kernel<{ real: Tensor3D; imaginary: Tensor3D }, OfSamples, [dx: Tensor2D]> = defineKernel({
  name: 'StftGrad',
  reference: ({ real, imaginary }, attrs) => {
    const [batch, frames, bins] = real.shape;
    const [re, im] = [real, imaginary].map((part) => reshape(part, [batch * frames, bins])) as [Tensor2D, Tensor2D];
    const slopes = mul(RealDftGrad({ real: re, imaginary: im }, attrs)[0], hann(attrs.fftSize));
    return [addedUp(reshape(slopes, [batch, frames, attrs.fftSize]), attrs)];
  },
  gradient: ([slope], _, attrs) => ({
    real: () => Stft({ x: slope as Tensor2D }, attrs)[0],
    imaginary: () => Stft({ x: slope as Tensor2D }, attrs)[1],
  }),
});

const Stft: Kernel<{ x: Tensor2D }, OfSamples, [real: Tensor3D, imaginary: Tensor3D]> = defineKernel({
  name: 'Stft',
  reference: ({ x }, attrs) => {
    const windows = windowsOf(x, attrs);
    const [batch, frames, fftSize] = windows.shape;
    const rows = mul(reshape(windows, [batch * frames, fftSize]), hann(fftSize)) as Tensor2D;
    const parts = (isFast(attrs) ? RealDft : RealDft.reference)({ x: rows }, attrs);
    return parts.map((part) => reshape(part, [batch, frames, fftSize / 2 + 1])) as [Tensor3D, Tensor3D];
  },
  gradient: ([real, imaginary], _, attrs) => ({
    x: () => StftGrad({ real: real as Tensor3D, imaginary: imaginary as Tensor3D }, attrs)[0],
  }),
});

const StftMagnitudeGrad: Kernel<{ dy: Tensor3D; x: Tensor2D }, OfSamples & WithFloor, [dx: Tensor2D]> = defineKernel({
  name: 'StftMagnitudeGrad',
  reference: ({ dy, x }, attrs) => {
    const [real, imaginary] = Stft({ x }, attrs);
    const power = add(square(real), square(imaginary));
    const slope = div(dy, sqrt(maximum(power, attrs.floor)));
    const scale = where(greater(power, attrs.floor), slope, zerosLike(slope));
    return StftGrad({ real: mul(real, scale), imaginary: mul(imaginary, scale) }, attrs);
  },
});

const StftMagnitude: Kernel<{ x: Tensor2D }, OfSamples & WithFloor, [magnitude: Tensor3D]> = defineKernel({
  name: 'StftMagnitude',
  reference: ({ x }, attrs) => {
    const [real, imaginary] = stft(x, attrs);
    return [sqrt(maximum(add(square(real), square(imaginary)), attrs.floor))];
  },
  inputsToSave: ['x'],
  gradient: ([dy], [x], attrs) => ({
    x: () => StftMagnitudeGrad({ dy: dy as Tensor3D, x: x as Tensor2D }, attrs)[0],
  }),
});

/** The real and imaginary parts of the transforms of the windows of x [batch, samples], [batch, frames, fftSize / 2 + 1] each. */
export function stft(x: Tensor2D, attrs: StftAttrs): [real: Tensor3D, imaginary: Tensor3D] {
  return (isFast(attrs) ? Stft : Stft.reference)({ x }, { ...attrs, samples: x.shape[1] });
}

/** √max(re² + im², floor) of them; where the floor holds, the gradient is 0. */
export function stftMagnitude(x: Tensor2D, attrs: WithFloor): Tensor3D {
  return (isFast(attrs) ? StftMagnitude : StftMagnitude.reference)({ x }, { ...attrs, samples: x.shape[1] })[0];
}

/** The matrix of which the active engine's transforms of this size are products, if they are. */
export function basisFor(fftSize: number): Tensor2D | undefined {
  const own = kernelReport().filter(({ name, runs }) => ['Stft', 'RealDft'].includes(name) && runs === 'fused');
  return isFast({ fftSize }) && own.length > 0 ? undefined : dftBasis(fftSize);
}

/** Windows in so many samples. */
export function framesIn(samples: number, { fftSize, hop, center }: StftAttrs): number {
  return Math.floor((samples + (center ? fftSize : 0) - fftSize) / hop) + 1;
}

/** The sizes for which engines have a fast Fourier transform. Of others the reference stands on the tape, operation by operation. */
function isFast({ fftSize }: DftAttrs): boolean {
  return fftSize >= 8 && Number.isInteger(Math.log2(fftSize));
}

/** The periodic Hann window. */
function hann(fftSize: number): Tensor {
  return tensor1d(Float32Array.from({ length: fftSize }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / fftSize)));
}

/** [batch, samples] → [batch, frames, fftSize]. */
function windowsOf(x: Tensor2D, attrs: StftAttrs): Tensor3D {
  const { fftSize, hop, center } = attrs;
  const [batch, samples] = x.shape;
  const count = framesIn(samples, attrs);
  const padded = center ? reflected(x, fftSize / 2) : x;
  // [batch, count + fftSize / hop - 1, hop], of which window t is the rows from t on.
  const rows = count + fftSize / hop - 1;
  const hops = reshape(slice(padded, [0, 0], [batch, rows * hop]), [batch, rows, hop]);
  const shifted = Array.from({ length: fftSize / hop }, (_, i) => slice(hops, [0, i, 0], [batch, count, hop]));
  return reshape(shifted.length === 1 ? hops : concat(shifted, 2), [batch, count, fftSize]);
}

/** x with so many samples mirrored at either end, these not repeated. */
function reflected(x: Tensor2D, count: number): Tensor2D {
  const [batch, samples] = x.shape;
  const mirror = (from: number): Tensor2D => reverse(slice(x, [0, from], [batch, count]), 1);
  return concat([mirror(1), x, mirror(samples - 1 - count)], 1);
}

/** The adjoint of {@link windowsOf}. */
function addedUp(windows: Tensor3D, { fftSize, hop, center, samples }: OfSamples): Tensor2D {
  const [batch, count] = windows.shape;
  const rows = count + fftSize / hop - 1;
  const shifted = Array.from({ length: fftSize / hop }, (_, i) => {
    const part = slice(windows, [0, 0, i * hop], [batch, count, hop]);
    return pad(part, [
      [0, 0],
      [i, rows - count - i],
      [0, 0],
    ]);
  });
  const before = center ? fftSize / 2 : 0;
  const whole = pad(reshape(addN(shifted), [batch, rows * hop]), [
    [0, 0],
    [0, samples + 2 * before - rows * hop],
  ]);
  const inside = slice(whole, [0, before], [batch, samples]) as Tensor2D;
  if (!center) return inside;
  const mirror = (from: number, at: number): Tensor2D =>
    pad(reverse(slice(whole, [0, from], [batch, before]), 1) as Tensor2D, [
      [0, 0],
      [at, samples - before - at],
    ]);
  return add(inside, add(mirror(0, 1), mirror(before + samples, samples - 1 - before)));
}
