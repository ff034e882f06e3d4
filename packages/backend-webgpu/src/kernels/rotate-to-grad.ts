import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, run } from '../program.ts';

/** One token per thread: λ Rᵀ g as two reflections; the definition in core-tensor says why. */
export const ROTATE_TO_GRAD: Program = {
  name: 'RotateToGrad',
  inputs: { dy: 'f32', x: 'f32', q: 'f32' },
  outputs: { dx: 'f32' },
  params: { dim: 'u32', maxScale: 'f32' },
  declarations: `
const TINY = 0x1p-126f;
// Below this length of û + q̂ float32 no longer tells the plane of the rotation.
const OPPOSITE = 1e-4;`,
  body: `
let start = row * params.dim;
let end = start + params.dim;
var peakX = TINY;
var peakQ = TINY;
for (var i = start; i < end; i++) {
  peakX = max(peakX, abs(x[i]));
  peakQ = max(peakQ, abs(q[i]));
}
var squares = vec2<f32>();
for (var i = start; i < end; i++) {
  let scaled = vec2<f32>(x[i] / peakX, q[i] / peakQ);
  squares += scaled * scaled;
}
let norm = sqrt(squares);
let unit = max(norm, vec2<f32>(TINY));
var middle = 0.0;
for (var i = start; i < end; i++) {
  let m = x[i] / peakX / unit.x + q[i] / peakQ / unit.y;
  middle += m * m;
}
let length = sqrt(middle);
if (!(norm.x > 0.0 && norm.y > 0.0 && length > OPPOSITE)) {
  for (var i = start; i < end; i++) { dx[i] = dy[i]; }
  return;
}
var alongW = 0.0;
for (var i = start; i < end; i++) {
  alongW += dy[i] * ((x[i] / peakX / unit.x + q[i] / peakQ / unit.y) / length);
}
var alongX = 0.0;
for (var i = start; i < end; i++) {
  let u = x[i] / peakX / unit.x;
  let h = dy[i] - 2.0 * alongW * ((u + q[i] / peakQ / unit.y) / length);
  alongX += h * u;
  dx[i] = h;
}
let scale = min((peakQ / peakX) * (norm.y / unit.x), params.maxScale);
for (var i = start; i < end; i++) {
  dx[i] = scale * (dx[i] - 2.0 * alongX * (x[i] / peakX / unit.x));
}`,
};

export const rotateToGrad: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { dy, x, q } = call.inputs as { dy: TensorInfo; x: TensorInfo; q: TensorInfo };
  const { maxScale } = call.attrs as unknown as { maxScale: number };
  const [tokens, dim] = x.shape as [number, number];
  const dx = output(backend, [tokens, dim], 'float32');
  const operands = {
    dy: { tensor: dy, perRow: dim },
    x: { tensor: x, perRow: dim },
    q: { tensor: q, perRow: dim },
    dx: { tensor: dx, perRow: dim },
  };
  run(backend, ROTATE_TO_GRAD, tokens, operands, { dim, maxScale });
  return [dx];
};
