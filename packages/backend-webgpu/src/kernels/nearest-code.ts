import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, release, rowsWithin, run } from '../program.ts';

/** The definition's: magnitudes of 2^56 and more cannot be searched, and a code that has one scores -2^127. */
const DECLARATIONS = `
const LIMIT = 0x5b800000u;
const LOWEST = -0x1p127f;
const NAN = 0x7fc00000u;`;

/** Tokens that a thread takes at once, in the lanes of a vector. */
export const QUAD = 4;
/** Codes side by side in memory, and codes that a thread scores at once. */
export const PANEL = 4;
export const GROUP = 8;
/** Floats that are packed at a time: 64 MB. */
export const PACKED_FLOATS: number = 2 ** 24;
/** Threads that keep a large graphics processor busy: where there are fewer tokens, several search a part of the codes each. */
export const THREADS: number = 2 ** 17;
/** Codes of such a part at least, and features that a loop of the search takes at once. */
export const LEAST_CODES = 64;
const UNROLLED = 4;

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

/**
 * One token per thread: [tokens, dim] → [dim + 1] rows of all tokens, so that threads side by side read numbers side by side. The last row
 * says whether a token can be searched; one that cannot becomes zeros.
 */
export const PACK_TOKENS: Program = {
  name: 'PackTokens',
  inputs: { x: 'u32' },
  outputs: { packed: 'f32' },
  params: { dim: 'u32', tokens: 'u32', padded: 'u32' },
  declarations: DECLARATIONS,
  body: `
let token = params.first + row;
var usable = token < params.tokens;
if (usable) {
  for (var i = 0u; i < params.dim; i++) {
    usable = usable && (x[row * params.dim + i] & 0x7fffffffu) < LIMIT;
  }
}
for (var i = 0u; i < params.dim; i++) {
  let at = i * params.padded + token;
  packed[at] = 0.0;
  if (usable) { packed[at] = bitcast<f32>(x[row * params.dim + i]); }
}
packed[params.dim * params.padded + token] = select(0.0, 1.0, usable);`,
};

/** The scores `s0` to `s7` of four tokens each with the codes of the panels at `leftAt` and `rightAt`, as WGSL. */
export function scoreGroup(): string {
  const scores = Array.from({ length: GROUP }, (_, i) => `s${i}`);
  const lane = (i: number): string => `${i < 4 ? 'left' : 'right'}.${'xyzw'[i % 4]}`;
  const feature = (i: string): string => `{
      let value = tokens[(${i}) * params.quads + quad];
      let left = packed[leftAt + ${i} + 1u];
      let right = packed[rightAt + ${i} + 1u];
      ${scores.map((score, k) => `${score} += value * ${lane(k)};`).join(' ')}
    }`;
  const unrolled = Array.from({ length: UNROLLED }, (_, i) => `    ${feature(`i + ${i}u`)}`).join('\n');
  return `
${scores.map((score, k) => `  var ${score} = vec4<f32>(packed[${k < 4 ? 'leftAt' : 'rightAt'}].${'xyzw'[k % 4]});`).join('\n')}
  var i = 0u;
  for (; i + ${UNROLLED}u <= params.dim; i += ${UNROLLED}u) {
${unrolled}
  }
  for (; i < params.dim; i++) {
    ${feature('i')}
  }`.trim();
}

/**
 * Four tokens and a part of the codes per thread, 8 scores of each token at a time. Only a higher score takes over, so that the lowest
 * index wins ties.
 */
export const SEARCH_CODES: Program = {
  name: 'NearestCode',
  inputs: { tokens: 'vec4<f32>', packed: 'vec4<f32>' },
  outputs: { indices: 'vec4<u32>', best: 'vec4<f32>' },
  params: { dim: 'u32', quads: 'u32', panels: 'u32', panelsEach: 'u32', firstCode: 'u32', firstPart: 'u32' },
  body: `
let flat = params.first + row;
let quad = flat % params.quads;
let part = flat / params.quads;
let end = min((part + 1u) * params.panelsEach, params.panels);
var index = vec4<u32>();
var highest = vec4<f32>(-0x1.8p127f);
let length = params.dim + 1u;
for (var panel = part * params.panelsEach; panel < end; panel += 2u) {
  let leftAt = panel * length;
  let rightAt = leftAt + length;
  ${scoreGroup()}
  let code = params.firstCode + panel * 4u;
${Array.from({ length: GROUP }, (_, k) => `  ${consider(`s${k}`, `code + ${k}u`)}`).join('\n')}
}
let at = params.firstPart * params.quads + flat;
indices[at] = index;
best[at] = highest;`,
};

function consider(score: string, code: string): string {
  return `index = select(index, vec4<u32>(${code}), ${score} > highest); highest = select(highest, ${score}, ${score} > highest);`;
}

/** One token per thread: the best of what the parts of the codes gave, in their order. */
export const MERGE_CODES: Program = {
  name: 'NearestCodeMerge',
  inputs: { tokens: 'f32', found: 'u32', scores: 'f32' },
  outputs: { indices: 'i32' },
  params: { dim: 'u32', padded: 'u32', parts: 'u32' },
  declarations: DECLARATIONS,
  body: `
let token = params.first + row;
if (tokens[params.dim * params.padded + token] == 0.0) {
  indices[row] = 0;
  return;
}
var index = 0u;
var highest = -0x1.8p127f;
for (var part = 0u; part < params.parts; part++) {
  let at = part * params.padded + token;
  let score = scores[at];
  if (score > highest) {
    highest = score;
    index = found[at];
  }
}
indices[row] = i32(index);`,
};

export const nearestCode: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { x, keys, bias } = call.inputs as { x: TensorInfo; keys: TensorInfo; bias: TensorInfo };
  const [tokens, dim] = x.shape as [number, number];
  const [codes] = keys.shape as [number];
  const indices = output(backend, [tokens], 'int32');

  const tileCodes = rowsWithin(backend, dim + 1, PACKED_FLOATS);
  const tiles = Math.ceil(codes / tileCodes);
  const chunk = rowsWithin(backend, Math.max(dim + 1, tiles), PACKED_FLOATS);
  for (let start = 0; start < tokens; start += chunk) {
    const count = Math.min(chunk, tokens - start);
    const quads = Math.ceil(count / QUAD);
    const padded = QUAD * quads;
    const queries = output(backend, [dim + 1, padded], 'float32');
    const packing = { x: { tensor: x, perRow: dim, from: start }, packed: { tensor: queries } };
    run(backend, PACK_TOKENS, padded, packing, { dim, tokens: count, padded });

    const room = Math.floor(rowsWithin(backend, 1) / padded / tiles);
    const most = Math.min(room, Math.ceil(THREADS / quads), Math.ceil(Math.min(codes, tileCodes) / LEAST_CODES));
    const parts = Math.max(1, most);
    const found = output(backend, [parts * tiles, padded], 'int32');
    const best = output(backend, [parts * tiles, padded], 'float32');
    for (let tile = 0; tile < tiles; tile++) {
      const firstCode = tile * tileCodes;
      const packed = packCodes(backend, { keys, bias }, firstCode, Math.min(tileCodes, codes - firstCode));
      const panels = (packed.shape[0] as number) / PANEL;
      const operands = {
        tokens: { tensor: queries },
        packed: { tensor: packed },
        indices: { tensor: found },
        best: { tensor: best },
      };
      const panelsEach = 2 * Math.ceil(panels / 2 / parts);
      const params = { dim, quads, panels, panelsEach, firstCode, firstPart: tile * parts };
      run(backend, SEARCH_CODES, quads * parts, operands, params);
      release(backend, packed);
    }
    const merging = {
      tokens: { tensor: queries },
      found: { tensor: found },
      scores: { tensor: best },
      indices: { tensor: indices, perRow: 1, from: start },
    };
    run(backend, MERGE_CODES, count, merging, { dim, padded, parts: parts * tiles });
    release(backend, queries, found, best);
  }
  return [indices];
};

function packCodes(
  backend: DeviceBackend,
  { keys, bias }: { keys: TensorInfo; bias: TensorInfo },
  firstCode: number,
  count: number,
): TensorInfo {
  const dim = keys.shape[1] as number;
  const padded = GROUP * Math.ceil(count / GROUP);
  const packed = output(backend, [padded, dim + 1], 'float32');
  const operands = {
    keys: { tensor: keys, perRow: dim, from: firstCode },
    bias: { tensor: bias, perRow: 1, from: firstCode },
    packed: { tensor: packed, perRow: dim + 1 },
  };
  run(backend, PACK_CODES, padded, operands, { dim, codes: count });
  return packed;
}
