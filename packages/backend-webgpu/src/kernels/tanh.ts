import { type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, run } from '../program.ts';
import { EXP_NEGATIVE } from '../wgsl.ts';

/**
 * One element per thread. A device's own tanh may be off by 1e-5, which takes small numbers for 0: the sign of a soft clamp would be lost.
 * Near 0 its series, else (1 - e) / (1 + e) with e = exp(-2|x|).
 */
export const TANH: Program = {
  name: 'Tanh',
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  declarations: EXP_NEGATIVE,
  body: `
let size = abs(x[row]);
if (size < 0.35) {
  let s = size * size;
  y[row] = x[row] * (1.0 + s * (-0.3333333333 + s * (0.1333333333 + s * (-0.0539682540 + s * (0.0218694885 + s * (-0.0088632355 + s * 0.0035921280))))));
} else {
  let e = expNegative(-2.0 * size);
  let magnitude = (1.0 - e) / (1.0 + e);
  y[row] = select(magnitude, -magnitude, x[row] < 0.0);
}`,
};

export const tanh: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { x } = call.inputs as { x: TensorInfo };
  const y = output(backend, x.shape, 'float32');
  run(backend, TANH, util.sizeFromShape(x.shape), { x: { tensor: x, perRow: 1 }, y: { tensor: y, perRow: 1 } });
  return y;
};
