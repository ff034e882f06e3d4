import { type KernelFunc, type Tensor2D, type TensorInfo, tidy } from '@tensorflow/tfjs-core';
import { type NearestCodeExactInputs, screenCodes } from '@vqkit/core-tensor';
import type { DeviceBackend } from '../backend.ts';
import { FLOAT64 } from '../float64.ts';
import { output, type Program, run } from '../program.ts';

/**
 * One token per thread, and for nearly all of them nothing to do: the search in float32 has decided. The others compare, in float64, the
 * distances of the codes whose float32 score reaches the token's threshold. A token that is not finite has no distances: the first code that
 * is finite is its own.
 */
export const REFINE_NEAREST: Program = {
  name: 'NearestCodeExact',
  inputs: { x: 'u32', codes: 'u32', queries: 'f32', keys: 'f32', bias: 'f32', threshold: 'f32' },
  outputs: { indices: 'i32' },
  params: { dim: 'u32', width: 'u32', count: 'u32' },
  declarations: `
const DECIDED = 0x1p127f;
const LOWEST = -0x1p127f;
const INFINITE = 0x7f800000u;
${FLOAT64}`,
  body: `
let limit = threshold[row];
if (limit >= DECIDED) { return; }
let start = row * params.dim;
var hasDistances = true;
for (var i = 0u; i < params.dim; i++) {
  hasDistances = hasDistances && (x[start + i] & INFINITE) != INFINITE;
}
var index = 0u;
var nearest = FAR;
for (var k = 0u; k < params.count; k++) {
  if (limit > LOWEST) {
    var score = bias[k];
    for (var i = 0u; i < params.width; i++) {
      score += queries[row * params.width + i] * keys[k * params.width + i];
    }
    if (score < limit) { continue; }
  }
  let at = k * params.dim;
  var isFinite = true;
  for (var i = 0u; i < params.dim; i++) {
    isFinite = isFinite && (codes[at + i] & INFINITE) != INFINITE;
  }
  if (!isFinite) { continue; }
  var distance = ZERO;
  if (hasDistances) {
    for (var i = 0u; i < params.dim; i++) {
      distance = added(distance, squared(difference(x[start + i], codes[at + i])));
    }
  }
  if (less(distance, nearest)) {
    nearest = distance;
    index = k;
  }
}
indices[row] = i32(index);`,
};

export const nearestCodeExact: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { x, codes } = call.inputs as { x: Tensor2D; codes: Tensor2D };
  const [tokens, dim] = x.shape;
  if (tokens === 0) return output(backend, [0], 'int32');
  return tidy(() => {
    const { indices, threshold, queries, keys, bias } = screenCodes(call.inputs as NearestCodeExactInputs);
    const width = keys.shape[1];
    const operands = {
      x: { tensor: x, perRow: dim },
      codes: { tensor: codes },
      queries: { tensor: queries, perRow: width },
      keys: { tensor: keys },
      bias: { tensor: bias },
      threshold: { tensor: threshold, perRow: 1 },
      indices: { tensor: indices, perRow: 1 },
    };
    run(backend, REFINE_NEAREST, tokens, operands, { dim, width, count: codes.shape[0] });
    return indices;
  }) as TensorInfo;
};
