import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { FsqAttrs } from '@vqkit/core-tensor';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, release, run, table } from '../program.ts';
import { IS_NAN, ORDERED, orderedKey } from '../wgsl.ts';

/** Words of one feature in the table, before all thresholds: where they start, how many, basis, center, step. */
const FEATURE_WORDS = 5;

/**
 * One token per thread, with codes or indices only. The comparison with a threshold is one of integers, which is exact on every device: a comparison of floats may
 * take subnormal numbers for 0, and need not know NaN.
 */
function fsqProgram(codes: boolean): Program {
  return {
    name: codes ? 'FsqQuantize' : 'FsqEncode',
    inputs: { z: 'u32', features: 'i32' },
    outputs: { ...(codes ? { codes: 'f32' } : {}), indices: 'i32' },
    params: { dim: 'u32' },
    declarations: `${ORDERED}\n${IS_NAN}`,
    body: `
var index = 0;
for (var i = 0u; i < params.dim; i++) {
  let at = row * params.dim + i;
  let feature = i * ${FEATURE_WORDS}u;
  let thresholds = u32(features[feature]);
  let count = u32(features[feature + 1u]);
  var level = 0;
  if (!isNaN(z[at])) {
    let key = ordered(z[at]);
    for (var j = 0u; j < count; j++) {
      level += select(0, 1, key >= features[thresholds + j]);
    }
  }
  index += level * features[feature + 2u];${codes ? WRITE_CODE : ''}
}
indices[row] = index;`,
  };
}

const WRITE_CODE = `
  codes[at] = (f32(level) - bitcast<f32>(features[feature + 3u])) * bitcast<f32>(features[feature + 4u]);`;

export const FSQ_QUANTIZE: Program = fsqProgram(true);
export const FSQ_ENCODE: Program = fsqProgram(false);

export const fsqQuantize: KernelFunc = ({ inputs, attrs, backend: anyBackend }) => {
  const backend = anyBackend as DeviceBackend;
  const { z } = inputs as { z: TensorInfo };
  const [tokens, dim] = z.shape as [number, number];
  const features = table(backend, tableOf(attrs as unknown as FsqAttrs));
  const codes = output(backend, [tokens, dim], 'float32');
  const indices = output(backend, [tokens], 'int32');
  const operands = {
    z: { tensor: z, perRow: dim },
    features: { tensor: features },
    codes: { tensor: codes, perRow: dim },
    indices: { tensor: indices, perRow: 1 },
  };
  run(backend, FSQ_QUANTIZE, tokens, operands, { dim });
  release(backend, features);
  return [codes, indices];
};

export const fsqEncode: KernelFunc = ({ inputs, attrs, backend: anyBackend }) => {
  const backend = anyBackend as DeviceBackend;
  const { z } = inputs as { z: TensorInfo };
  const [tokens, dim] = z.shape as [number, number];
  const features = table(backend, tableOf(attrs as unknown as FsqAttrs));
  const indices = output(backend, [tokens], 'int32');
  const operands = {
    z: { tensor: z, perRow: dim },
    features: { tensor: features },
    indices: { tensor: indices, perRow: 1 },
  };
  run(backend, FSQ_ENCODE, tokens, operands, { dim });
  release(backend, features);
  return indices;
};

function tableOf({ levels, thresholds, centers, steps, basis }: FsqAttrs): Int32Array {
  const words = new Int32Array(levels.reduce((size, level) => size + level - 1, FEATURE_WORDS * levels.length));
  const floats = new Float32Array(words.buffer);
  let start = FEATURE_WORDS * levels.length;
  for (const i of levels.keys()) {
    const own = thresholds[i] ?? [];
    const at = FEATURE_WORDS * i;
    words.set([start, own.length, basis[i] as number], at);
    floats.set([centers[i] as number, steps[i] as number], at + 3);
    words.set(own.map(orderedKey), start);
    start += own.length;
  }
  return words;
}
