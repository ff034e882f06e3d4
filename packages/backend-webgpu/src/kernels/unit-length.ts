import { type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, run } from '../program.ts';

/**
 * One vector per thread, whose elements stand `inner` apart. Large ones are scaled down first, exactly, so that squares stay in float32; sums are
 * of sums of 32 terms. A vector with a NaN or an infinity is NaN throughout.
 */
export const UNIT_LENGTH: Program = {
  name: 'UnitLength',
  inputs: { x: 'u32' },
  outputs: { units: 'u32' },
  params: { dim: 'u32', inner: 'u32' },
  declarations: `
const MAGNITUDE = 0x7fffffffu;
const LARGE = 0x57800000u; // 2^48
const NO_DIRECTION = 1e-24;`,
  body: `
// Only vectors whose elements stand together come in tiles.
let vector = select(params.first + row, row, params.inner == 1u);
let start = (vector / params.inner) * params.dim * params.inner + vector % params.inner;
var largest = 0u;
for (var i = 0u; i < params.dim; i++) { largest = max(largest, x[start + i * params.inner] & MAGNITUDE); }
let isFinite = largest < 0x7f800000u;
let scale = select(1.0, 0x1p-78f, largest > LARGE);
var squares = 0.0;
for (var first = 0u; first < params.dim; first += 32u) {
  var part = 0.0;
  for (var i = first; i < min(first + 32u, params.dim); i++) {
    let value = bitcast<f32>(x[start + i * params.inner]) * scale;
    part += value * value;
  }
  squares += part;
}
var factor = 0.0;
if (isFinite && squares > NO_DIRECTION) {
  factor = inverseSqrt(squares);
  // A device's own may be off by two units in the last place.
  factor *= 1.5 - 0.5 * (squares * factor) * factor;
}
for (var i = 0u; i < params.dim; i++) {
  let at = start + i * params.inner;
  let unit = bitcast<f32>(x[at]) * scale * factor;
  units[at] = select(0x7fc00000u, bitcast<u32>(unit), isFinite);
}`,
};

export const unitLength: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { x } = call.inputs as { x: TensorInfo };
  const [axis] = util.parseAxisParam((call.attrs as unknown as { axis: number }).axis, x.shape) as [number];
  const dim = x.shape[axis] as number;
  const inner = util.sizeFromShape(x.shape.slice(axis + 1));
  const units = output(backend, x.shape, 'float32');
  const vectors = util.sizeFromShape(x.shape) / (dim || 1);
  const rows = inner === 1 ? { perRow: dim } : {};
  run(backend, UNIT_LENGTH, vectors, { x: { tensor: x, ...rows }, units: { tensor: units, ...rows } }, { dim, inner });
  return [units];
};
