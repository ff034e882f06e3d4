import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { FsqAttrs } from '@vqkit/core-tensor';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, release, run, table } from '../program.ts';

/** Words of one feature in the table: number of levels, center, step. */
const FEATURE_WORDS = 3;

/** One token per thread: the digits of its index, least significant first, and their codes as FsqQuantize computes them. */
export const FSQ_DECODE: Program = {
  name: 'FsqDecode',
  inputs: { indices: 'i32', features: 'i32' },
  outputs: { codes: 'f32' },
  params: { dim: 'u32' },
  body: `
var rest = indices[row];
for (var i = 0u; i < params.dim; i++) {
  let feature = i * ${FEATURE_WORDS}u;
  let levels = features[feature];
  let level = select(rest % levels, rest, i + 1u == params.dim);
  codes[row * params.dim + i] = (f32(level) - bitcast<f32>(features[feature + 1u])) * bitcast<f32>(features[feature + 2u]);
  rest /= levels;
}`,
};

export const fsqDecode: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { indices } = call.inputs as { indices: TensorInfo };
  const { levels, centers, steps } = call.attrs as unknown as FsqAttrs;
  const [tokens] = indices.shape as [number];
  const dim = levels.length;
  const words = new Int32Array(FEATURE_WORDS * dim);
  const floats = new Float32Array(words.buffer);
  for (const [i, level] of levels.entries()) {
    words[FEATURE_WORDS * i] = level;
    floats.set([centers[i] as number, steps[i] as number], FEATURE_WORDS * i + 1);
  }
  const features = table(backend, words);
  const codes = output(backend, [tokens, dim], 'float32');
  const operands = {
    indices: { tensor: indices, perRow: 1 },
    features: { tensor: features },
    codes: { tensor: codes, perRow: dim },
  };
  run(backend, FSQ_DECODE, tokens, operands, { dim });
  release(backend, features);
  return [codes];
};
