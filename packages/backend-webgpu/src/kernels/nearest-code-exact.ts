import { type KernelFunc, type Tensor2D, type TensorInfo, tidy } from '@tensorflow/tfjs-core';
import { screenCodes } from '@vqkit/core-tensor';
import type { DeviceBackend } from '../backend.ts';
import { FLOAT64 } from '../float64.ts';
import { output, type Program, run } from '../program.ts';

/**
 * One token per thread, and for nearly all of them nothing to do: the search in float32 has decided. The others compare, in float64, the
 * distances of the codes whose float32 score reaches the token's threshold.
 */
export const REFINE_NEAREST: Program = {
  name: 'NearestCodeExact',
  inputs: { x: 'u32', codes: 'u32', center: 'f32', bias: 'f32', threshold: 'f32' },
  outputs: { indices: 'i32' },
  params: { dim: 'u32', count: 'u32' },
  declarations: `
const DECIDED = 0x1p127f;
const LOWEST = -0x1p127f;
${FLOAT64}`,
  body: `
let limit = threshold[row];
if (limit >= DECIDED) { return; }
let start = row * params.dim;
var index = 0u;
var nearest = FAR;
for (var k = 0u; k < params.count; k++) {
  var score = bias[k];
  if (score <= LOWEST) { continue; }
  let at = k * params.dim;
  for (var i = 0u; i < params.dim; i++) {
    let query = 0.25 * bitcast<f32>(x[start + i]) - center[i];
    score += query * (0.25 * bitcast<f32>(codes[at + i]) - center[i]);
  }
  if (score < limit) { continue; }
  var distance = ZERO;
  for (var i = 0u; i < params.dim; i++) {
    distance = added(distance, squared(difference(x[start + i], codes[at + i])));
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
    const { indices, threshold, center, bias } = screenCodes({ x, codes });
    const operands = {
      x: { tensor: x, perRow: dim },
      codes: { tensor: codes },
      center: { tensor: center },
      bias: { tensor: bias },
      threshold: { tensor: threshold, perRow: 1 },
      indices: { tensor: indices, perRow: 1 },
    };
    run(backend, REFINE_NEAREST, tokens, operands, { dim, count: codes.shape[0] });
    return indices;
  }) as TensorInfo;
};
