import { type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, run } from '../program.ts';

/**
 * (-1)^k sin(r) with x = (k - shift) π + r, |r| <= π/2: a device's own sine may be off by 2^-11. π is subtracted in three parts, of which the first two have
 * few enough bits for exact products up to |x| = 10,000; sin(r) is its Taylor series.
 */
const SINE = `
fn sineOf(x: f32, shift: f32) -> f32 {
  let k = round(x * 0.3183098862 + shift);
  let n = k - shift;
  let r = ((x - n * 3.140625) - n * 9.67502593994140625e-4) - n * 1.509957990978376e-7;
  let s = r * r;
  let sine = r + r * s * (-0.16666666667 + s * (0.00833333333 + s * (-1.98412698e-4 + s * (2.7557319e-6 + s * (-2.5052108e-8 + s * 1.605904e-10)))));
  return select(sine, -sine, (i32(k) & 1) != 0);
}`;

const program = (name: string, shift: string): Program => ({
  name,
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  declarations: SINE,
  body: `
y[row] = sineOf(x[row], ${shift});`,
});

export const SIN: Program = program('Sin', '0.0');
export const COS: Program = program('Cos', '0.5');

const kernel =
  (own: Program): KernelFunc =>
  (call) => {
    const backend = call.backend as DeviceBackend;
    const { x } = call.inputs as { x: TensorInfo };
    const y = output(backend, x.shape, 'float32');
    run(backend, own, util.sizeFromShape(x.shape), { x: { tensor: x, perRow: 1 }, y: { tensor: y, perRow: 1 } });
    return y;
  };

/** One element per thread. */
export const sin: KernelFunc = kernel(SIN);
export const cos: KernelFunc = kernel(COS);
