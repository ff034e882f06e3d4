import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, release, rowsWithin, run } from '../program.ts';

/** The definition's: magnitudes of 2^56 and more cannot be searched, and a code that has one scores -2^127. */
const DECLARATIONS = `
const LIMIT = 0x5b800000u;
const LOWEST = -0x1p127f;
const NAN = 0x7fc00000u;`;

/** Codes that a thread scores at once. */
const GROUP = 8;
/** Floats of the codes that are packed at a time: 64 MB. */
const PACKED_FLOATS = 2 ** 24;

/**
 * One code per thread: [codes, dim] → panels of 4 codes, [dim + 1] vectors of 4, the first of them the bias. Codes that cannot be
 * searched, and those that fill up the last panel, become zeros with the lowest bias.
 */
export const PACK_CODES: Program = {
  name: 'PackCodes',
  inputs: { keys: 'u32', bias: 'u32' },
  outputs: { packed: 'f32' },
  params: { dim: 'u32', codes: 'u32' },
  declarations: DECLARATIONS,
  body: `
let start = (row / 4u) * (params.dim + 1u) * 4u + row % 4u;
let real = params.first + row < params.codes;
var usable = real && (bias[row] & 0x7fffffffu) < 0x7f000000u;
if (real) {
  for (var i = 0u; i < params.dim; i++) {
    usable = usable && (keys[row * params.dim + i] & 0x7fffffffu) < LIMIT;
  }
}
packed[start] = LOWEST;
if (usable) { packed[start] = bitcast<f32>(bias[row]); }
for (var i = 0u; i < params.dim; i++) {
  let at = start + (i + 1u) * 4u;
  packed[at] = 0.0;
  if (usable) { packed[at] = bitcast<f32>(keys[row * params.dim + i]); }
}`,
};

/** One token per thread, 8 scores at a time. Only a higher score takes over, so that the lowest index wins ties. */
export const SEARCH_CODES: Program = {
  name: 'NearestCode',
  inputs: { x: 'u32', packed: 'vec4<f32>' },
  outputs: { indices: 'i32', best: 'u32', second: 'u32' },
  params: { dim: 'u32', panels: 'u32', firstCode: 'u32' },
  declarations: DECLARATIONS,
  body: `
let start = row * params.dim;
var usable = true;
for (var i = 0u; i < params.dim; i++) {
  usable = usable && (x[start + i] & 0x7fffffffu) < LIMIT;
}
if (!usable) {
  indices[row] = 0;
  best[row] = NAN;
  second[row] = NAN;
  return;
}
var index = 0u;
var highest = -0x1.8p127f;
var next = highest;
if (params.firstCode > 0u) {
  index = u32(indices[row]);
  highest = bitcast<f32>(best[row]);
  next = bitcast<f32>(second[row]);
}
let length = params.dim + 1u;
for (var panel = 0u; panel < params.panels; panel += 2u) {
  let left = panel * length;
  let right = left + length;
  var scores = array<vec4<f32>, 2>(packed[left], packed[right]);
  for (var i = 0u; i < params.dim; i++) {
    let value = bitcast<f32>(x[start + i]);
    scores[0] += value * packed[left + i + 1u];
    scores[1] += value * packed[right + i + 1u];
  }
  for (var lane = 0u; lane < ${GROUP}u; lane++) {
    let score = scores[lane / 4u][lane % 4u];
    if (score > highest) {
      next = highest;
      highest = score;
      index = params.firstCode + panel * 4u + lane;
    } else if (score > next) {
      next = score;
    }
  }
}
indices[row] = i32(index);
best[row] = bitcast<u32>(highest);
second[row] = bitcast<u32>(next);`,
};

export const nearestCode: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { x, keys, bias } = call.inputs as { x: TensorInfo; keys: TensorInfo; bias: TensorInfo };
  const { withScores } = call.attrs as unknown as { withScores: boolean };
  const [tokens, dim] = x.shape as [number, number];
  const [codes] = keys.shape as [number];
  const [indices, best, second] = (['int32', 'float32', 'float32'] as const).map((dtype) =>
    output(backend, [tokens], dtype),
  ) as [TensorInfo, TensorInfo, TensorInfo];
  const tile = rowsWithin(backend, dim + 1, PACKED_FLOATS);
  for (let firstCode = 0; firstCode < codes && tokens > 0; firstCode += tile) {
    const count = Math.min(tile, codes - firstCode);
    const padded = GROUP * Math.ceil(count / GROUP);
    const packed = output(backend, [padded, dim + 1], 'float32');
    const packing = {
      keys: { tensor: keys, perRow: dim, from: firstCode },
      bias: { tensor: bias, perRow: 1, from: firstCode },
      packed: { tensor: packed, perRow: dim + 1 },
    };
    run(backend, PACK_CODES, padded, packing, { dim, codes: count });
    const searching = {
      x: { tensor: x, perRow: dim },
      packed: { tensor: packed },
      indices: { tensor: indices, perRow: 1 },
      best: { tensor: best, perRow: 1 },
      second: { tensor: second, perRow: 1 },
    };
    run(backend, SEARCH_CODES, tokens, searching, { dim, panels: padded / 4, firstCode });
    release(backend, packed);
  }
  if (withScores) return [indices, best, second];
  release(backend, best, second);
  return [indices];
};
