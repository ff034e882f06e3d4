import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { type Engine, engineOf } from '../engine.ts';

/** As @vqkit/audio passes it, fftSize a power of two from 8 on. */
interface Attrs {
  readonly fftSize: number;
  readonly hop: number;
  readonly center: boolean;
  readonly samples: number;
  readonly floor: number;
}

/** Re and im of the transforms of windows, [rows, frames, fftSize / 2 + 1] each. */
export const stft: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { x } = inputs as { x: TensorInfo };
  const own = windowsOf(x.shape, attrs as unknown as Attrs);
  const [real, imaginary] = [engine.output(own.shape, 'float32'), engine.output(own.shape, 'float32')];
  frames(engine, own, x, real, engine.address(imaginary));
  return [real, imaginary];
};

/** √max(re² + im², floor). */
export const stftMagnitude: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { x } = inputs as { x: TensorInfo };
  const own = windowsOf(x.shape, attrs as unknown as Attrs);
  const magnitude = engine.output(own.shape, 'float32');
  frames(engine, own, x, magnitude, 0);
  return magnitude;
};

/** dx from the slopes of re and im. */
export const stftGrad: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { real, imaginary } = inputs as Record<'real' | 'imaginary', TensorInfo>;
  const { samples } = attrs as unknown as Attrs;
  const own = windowsOf([real.shape[0] as number, samples], attrs as unknown as Attrs);
  return rows(engine, own, 0, real, engine.address(imaginary));
};

/** dx from the slope of the magnitudes of x. */
export const stftMagnitudeGrad: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { dy, x } = inputs as Record<'dy' | 'x', TensorInfo>;
  return rows(engine, windowsOf(x.shape, attrs as unknown as Attrs), engine.address(x), dy, 0);
};

/** Which windows of which rows. */
interface Windows extends Attrs {
  /** Samples before a row with which its first window begins. */
  readonly before: number;
  readonly shape: readonly [rows: number, frames: number, bins: number];
}

function windowsOf(shape: readonly number[], { fftSize, hop, center, floor }: Attrs): Windows {
  const [batch, samples] = shape as [number, number];
  const before = center ? fftSize / 2 : 0;
  const count = Math.floor((samples + 2 * before - fftSize) / hop) + 1;
  return { fftSize, hop, center, floor, samples, before, shape: [batch, count, fftSize / 2 + 1] };
}

function frames(engine: Engine, own: Windows, x: TensorInfo, real: TensorInfo, imaginary: number): void {
  const [batch, count] = own.shape;
  const addresses = [engine.address(x), engine.address(real), imaginary];
  run(engine, 'stftFrames', batch * Math.ceil(count / 4), own, addresses, roomOf(own));
}

function rows(engine: Engine, own: Windows, x: number, real: TensorInfo, imaginary: number): TensorInfo {
  const [batch] = own.shape;
  const dx = engine.output([batch, own.samples], 'float32');
  const addresses = [x, engine.address(real), imaginary, engine.address(dx)];
  run(engine, 'stftRows', batch, own, addresses, roomOf(own) + 4 * (own.samples + 2 * own.before));
  return dx;
}

/** `roomBytes` is what each worker needs. */
function run(
  engine: Engine,
  name: string,
  units: number,
  { fftSize, hop, floor = 0, samples, before, shape: [, count] }: Windows,
  addresses: readonly number[],
  roomBytes: number,
): void {
  const tables = tablesOf(fftSize);
  engine.scratch(tables.byteLength + engine.threads * roomBytes, (at) => {
    engine.write(at, tables);
    const room = at + tables.byteLength;
    engine.run(name, units, ...addresses, floor, at, room, roomBytes, samples, fftSize, hop, before, count);
  });
}

/** stftRoom of assembly/stft.ts. */
function roomOf({ fftSize }: Windows): number {
  return 48 * fftSize + 64;
}

const knownTables = new Map<number, Uint8Array>();

/** The periodic Hann window, e^(-2πi k / fftSize) for every k, and where each pair of samples goes, in bytes: its number's bits reversed. */
function tablesOf(fftSize: number): Uint8Array {
  const known = knownTables.get(fftSize);
  if (known !== undefined) return known;
  const half = fftSize / 2;
  const tables = new Uint8Array(4 * (3 * fftSize + half));
  const floats = new Float32Array(tables.buffer, 0, 3 * fftSize);
  for (let k = 0; k < fftSize; k++) {
    const turn = (2 * Math.PI * k) / fftSize;
    floats[k] = 0.5 - 0.5 * Math.cos(turn);
    floats[fftSize + 2 * k] = Math.cos(turn);
    floats[fftSize + 2 * k + 1] = -Math.sin(turn);
  }
  const order = new Uint32Array(tables.buffer, 12 * fftSize);
  for (let m = 1; m < half; m++) order[m] = (order[m >> 1] as number) / 2 + (m % 2) * 16 * half;
  knownTables.set(fftSize, tables);
  return tables;
}
