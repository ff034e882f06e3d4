import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { FsqAttrs } from '@vqkit/core-tensor';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, release, run, table } from '../program.ts';
import { EXP_NEGATIVE } from '../wgsl.ts';

/** One token per thread; per feature the table holds its shift and its slope. 1 - tanh²(u) is 4e / (1 + e)² with e = exp(-2|u|). */
export const FSQ_QUANTIZE_GRAD: Program = {
  name: 'FsqQuantizeGrad',
  inputs: { dy: 'f32', z: 'f32', features: 'i32' },
  outputs: { dz: 'f32' },
  params: { dim: 'u32', hardClamp: 'u32' },
  declarations: EXP_NEGATIVE,
  body: `
for (var i = 0u; i < params.dim; i++) {
  let at = row * params.dim + i;
  let u = z[at] + bitcast<f32>(features[2u * i]);
  let slope = bitcast<f32>(features[2u * i + 1u]);
  if (params.hardClamp != 0u) {
    dz[at] = dy[at] * select(0.0, slope, abs(u) <= 1.0);
  } else {
    let e = expNegative(-2.0 * abs(u));
    dz[at] = dy[at] * (slope * 4.0 * e / ((1.0 + e) * (1.0 + e)));
  }
}`,
};

export const fsqQuantizeGrad: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { dy, z } = call.inputs as { dy: TensorInfo; z: TensorInfo };
  const { shifts, slopes, hardClamp } = call.attrs as unknown as FsqAttrs;
  const [tokens, dim] = z.shape as [number, number];
  const pairs = Float32Array.from(shifts.flatMap((shift, i) => [shift, slopes[i] as number]));
  const features = table(backend, new Int32Array(pairs.buffer));
  const dz = output(backend, [tokens, dim], 'float32');
  const operands = {
    dy: { tensor: dy, perRow: dim },
    z: { tensor: z, perRow: dim },
    features: { tensor: features },
    dz: { tensor: dz, perRow: dim },
  };
  run(backend, FSQ_QUANTIZE_GRAD, tokens, operands, { dim, hardClamp: hardClamp ? 1 : 0 });
  release(backend, features);
  return [dz];
};
