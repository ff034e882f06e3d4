import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { SignAttrs } from '@vqkit/core-tensor';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, run } from '../program.ts';

/** One token per thread, with codes or indices only; above 0 are the bits of the positive floats, subnormal ones and infinity included. */
function signProgram(codes: boolean): Program {
  return {
    name: codes ? 'SignQuantize' : 'SignEncode',
    inputs: { x: 'u32' },
    outputs: { ...(codes ? { codes: 'f32' } : {}), indices: 'i32' },
    params: { dim: 'u32', ...(codes ? { scale: 'f32' } : {}) },
    body: `
var index = 0u;
for (var i = 0u; i < params.dim; i++) {
  let at = row * params.dim + i;
  let positive = x[at] > 0u && x[at] <= 0x7f800000u;
  index = (index << 1u) | select(0u, 1u, positive);${codes ? WRITE_CODE : ''}
}
indices[row] = i32(index);`,
  };
}

const WRITE_CODE = `
  codes[at] = select(-params.scale, params.scale, positive);`;

export const SIGN_QUANTIZE: Program = signProgram(true);
export const SIGN_ENCODE: Program = signProgram(false);

export const signQuantize: KernelFunc = ({ inputs, attrs, backend: anyBackend }) => {
  const backend = anyBackend as DeviceBackend;
  const { x } = inputs as { x: TensorInfo };
  const { scale } = attrs as unknown as SignAttrs;
  const [tokens, dim] = x.shape as [number, number];
  const codes = output(backend, [tokens, dim], 'float32');
  const indices = output(backend, [tokens], 'int32');
  const operands = {
    x: { tensor: x, perRow: dim },
    codes: { tensor: codes, perRow: dim },
    indices: { tensor: indices, perRow: 1 },
  };
  run(backend, SIGN_QUANTIZE, tokens, operands, { dim, scale });
  return [codes, indices];
};

export const signEncode: KernelFunc = ({ inputs, backend: anyBackend }) => {
  const backend = anyBackend as DeviceBackend;
  const { x } = inputs as { x: TensorInfo };
  const [tokens, dim] = x.shape as [number, number];
  const indices = output(backend, [tokens], 'int32');
  run(
    backend,
    SIGN_ENCODE,
    tokens,
    { x: { tensor: x, perRow: dim }, indices: { tensor: indices, perRow: 1 } },
    { dim },
  );
  return indices;
};
