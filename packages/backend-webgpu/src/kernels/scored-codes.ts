import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, requireVisible, run, table } from '../program.ts';
import { GROUP } from './nearest-code.ts';

/** Codes whose median is the centre, so that a few far ones do not move it. */
const SAMPLE = 31;

/** Limits of what is scored, as bits of float32 where values are compared that may be NaN. */
export const SCORED: string = `
const MAGNITUDE = 0x7fffffffu;
const INFINITE = 0x7f800000u;
const FAR_TOKEN = 0x4e800000u; // 2^30
const FAR_CODE = 0x53800000u; // 2^40
const LOWEST = -0x1p127f;
// A score, and what scores may be off, at which every code can be the nearest.
const ANY = 0x1p126f;`;

/** By the power of two `unit`: what counts as 0 is 2^-126 before it scales. */
export const FLUSHED = 'params.flushed * max(1.0, unit * 0x1p-60f)';

const MIDDLE = `
// The upper median; sorts the values.
fn middle(values : ptr<function, array<f32, ${SAMPLE}>>, count : u32) -> f32 {
  for (var i = 1u; i < count; i++) {
    let value = (*values)[i];
    var at = i;
    for (; at > 0u && (*values)[at - 1u] > value; at--) { (*values)[at] = (*values)[at - 1u]; }
    (*values)[at] = value;
  }
  return (*values)[count / 2u];
}

fn sampled(i : u32) -> u32 {
  return u32((f32(i) + 0.5) * f32(params.codes) / f32(params.count));
}`;

/** One feature per thread: the median of a quarter of it in the sample. A quarter, so that no difference overflows. */
export const CENTER_CODES: Program = {
  name: 'CenterCodes',
  inputs: { codes: 'u32' },
  outputs: { frame: 'f32' },
  params: { dim: 'u32', codes: 'u32', count: 'u32' },
  declarations: `${SCORED}${MIDDLE}`,
  body: `
let feature = params.first + row;
var values : array<f32, ${SAMPLE}>;
for (var i = 0u; i < params.count; i++) {
  let bits = codes[sampled(i) * params.dim + feature];
  values[i] = 0.0;
  if ((bits & MAGNITUDE) < INFINITE) { values[i] = bitcast<f32>(bits) * 0.25; }
}
frame[feature] = middle(&values, params.count);`,
};

/** One code of the sample per thread: how far it is from the centre, in its farthest feature. */
export const SPREAD_CODES: Program = {
  name: 'SpreadCodes',
  inputs: { codes: 'u32' },
  outputs: { frame: 'f32' },
  params: { dim: 'u32', codes: 'u32', count: 'u32' },
  declarations: `${SCORED}${MIDDLE}`,
  body: `
let at = sampled(row) * params.dim;
var farthest = 0.0;
for (var i = 0u; i < params.dim; i++) {
  let bits = codes[at + i];
  if ((bits & MAGNITUDE) < INFINITE) { farthest = max(farthest, abs(bitcast<f32>(bits) * 0.25 - frame[i])); }
}
frame[params.dim + 1u + row] = farthest;`,
};

/**
 * The end of a program that packs codes into panels of four, [dim + 1] vectors of 4, the first of them the bias, as NearestCode has them: what
 * the scores of a code of this length may be off is added to its bias, and the bound of a row whose best code it is.
 */
const PACK = `
let length = squares + abs(bias);
if (usable) {
  atomicMax(&longest[0], bitcast<i32>(length));
  bias += params.relative * length;
  spans[row] = select(2.1 * params.relative * length + flushed * 1.01 * sqrt(length), ANY, length >= FARTHEST);
} else {
  bias = NOT_SCORED;
  spans[row] = ANY;
  for (var i = 0u; i < params.dim; i++) { packed[start + (i + 1u) * 4u] = 0.0; }
}
packed[start] = bias;`.trim();

const START = `
let start = (row / 4u) * (params.dim + 1u) * 4u + row % 4u;
var usable = params.first + row < params.codes;
var squares = 0.0;`.trim();

/**
 * One code per thread, less the centre and in units of the spread. Codes too far away, or not finite, have the lowest score: a row that is
 * nearer than 2^30 to the centre has none of them as its nearest if it has one within 2^37.
 */
export const PACK_CENTERED: Program = {
  name: 'PackCentered',
  inputs: { codes: 'u32' },
  outputs: { packed: 'f32', spans: 'f32', longest: 'atomic<i32>', frame: 'f32' },
  params: { dim: 'u32', codes: 'u32', count: 'u32', relative: 'f32', flushed: 'f32' },
  declarations: `${SCORED}
const FARTHEST = 0x1p74f;
const NOT_SCORED = LOWEST;
${MIDDLE}`,
  body: `
var spreads : array<f32, ${SAMPLE}>;
for (var i = 0u; i < params.count; i++) { spreads[i] = frame[params.dim + 1u + i]; }
let spread = middle(&spreads, params.count);
// A power of two, so that it rounds nothing; 2^-126 to 2^100.
let exponent = clamp(bitcast<u32>(select(1.0, spread, spread > 0.0)) >> 23u, 27u, 253u);
let unit = bitcast<f32>((254u - exponent) << 23u);
if (row == 0u) { frame[params.dim] = unit; }
let flushed = ${FLUSHED};
${START}
for (var i = 0u; usable && i < params.dim; i++) {
  let bits = codes[row * params.dim + i];
  let key = (bitcast<f32>(bits) * 0.25 - frame[i]) * unit;
  usable = (bits & MAGNITUDE) < INFINITE && (bitcast<u32>(key) & MAGNITUDE) < FAR_CODE;
  squares += key * key;
  packed[start + (i + 1u) * 4u] = key;
}
var bias = -0.5 * squares;
${PACK}`,
};

/** One key per thread, as it was given. One that cannot be scored may belong to any code: it is the best of every row. */
export const PACK_GIVEN: Program = {
  name: 'PackGiven',
  inputs: { keys: 'u32', biases: 'u32' },
  outputs: { packed: 'f32', spans: 'f32', longest: 'atomic<i32>' },
  params: { dim: 'u32', codes: 'u32', relative: 'f32', flushed: 'f32' },
  declarations: `${SCORED}
const FARTHEST = ANY;
const NOT_SCORED = ANY;`,
  body: `
${START}
let isCode = usable;
usable = usable && (biases[row] & MAGNITUDE) < 0x71800000u; // 2^100
for (var i = 0u; usable && i < params.dim; i++) {
  let bits = keys[row * params.dim + i];
  usable = (bits & MAGNITUDE) < FAR_CODE;
  let key = bitcast<f32>(bits);
  squares += key * key;
  packed[start + (i + 1u) * 4u] = key;
}
var bias = bitcast<f32>(biases[row]);
let flushed = params.flushed;
${PACK}
if (!isCode) { packed[start] = LOWEST; }`,
};

/** The factors of what scores of `width` features may be off: of squared lengths, and of lengths because of what counts as 0. */
export function roundings(width: number): { relative: number; flushed: number } {
  return { relative: (width + 8) * 2 ** -23, flushed: (width + 8) * 2 ** -60 };
}

/**
 * What a search reads of its codes: keys and biases in panels, by how much a row is bounded whose best code each is, and the largest |key|² +
 * |bias|.
 */
export type ScoredCodes = readonly [packed: TensorInfo, spans: TensorInfo, longest: TensorInfo, ...frame: TensorInfo[]];

/** Of the codes themselves; the frame is their centre and, behind it, one by their spread. */
export function centeredCodes(backend: DeviceBackend, codes: TensorInfo): ScoredCodes {
  return backend.keptFor([codes], () => {
    const [size, dim] = codes.shape as [number, number];
    const [packed, spans, longest] = room(backend, size, dim);
    const count = Math.min(SAMPLE, size);
    const frame = output(backend, [dim + 1 + count], 'float32');
    const sample = { codes: { tensor: codes }, frame: { tensor: frame } };
    run(backend, CENTER_CODES, dim, sample, { dim, codes: size, count });
    run(backend, SPREAD_CODES, count, sample, { dim, codes: size, count });
    const operands = {
      codes: { tensor: codes, perRow: dim },
      packed: { tensor: packed, perRow: dim + 1 },
      spans: { tensor: spans, perRow: 1 },
      longest: { tensor: longest },
      frame: { tensor: frame },
    };
    const params = { dim, codes: size, count, ...roundings(dim) };
    run(backend, PACK_CENTERED, spans.shape[0] as number, operands, params);
    return [packed, spans, longest, frame];
  });
}

/** Of the keys and biases of a space that the caller has. */
export function givenCodes(backend: DeviceBackend, keys: TensorInfo, bias: TensorInfo): ScoredCodes {
  return backend.keptFor([bias, keys], () => {
    const [size, dim] = keys.shape as [number, number];
    const [packed, spans, longest] = room(backend, size, dim);
    const operands = {
      keys: { tensor: keys, perRow: dim },
      biases: { tensor: bias, perRow: 1 },
      packed: { tensor: packed, perRow: dim + 1 },
      spans: { tensor: spans, perRow: 1 },
      longest: { tensor: longest },
    };
    const params = { dim, codes: size, ...roundings(dim) };
    run(backend, PACK_GIVEN, spans.shape[0] as number, operands, params);
    return [packed, spans, longest];
  });
}

function room(backend: DeviceBackend, codes: number, dim: number): [TensorInfo, TensorInfo, TensorInfo] {
  const padded = GROUP * Math.ceil(codes / GROUP);
  requireVisible(backend, 'NearestCodeExact', 4 * padded * (dim + 1));
  const [packed, spans] = [output(backend, [padded, dim + 1], 'float32'), output(backend, [padded], 'float32')];
  return [packed, spans, table(backend, Int32Array.of(0))];
}
