import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { NearestCodeExactInputs } from '@vqkit/core-tensor';
import type { DeviceBackend } from '../backend.ts';
import { FLOAT64 } from '../float64.ts';
import { type Operand, output, type Program, release, rowsWithin, run } from '../program.ts';
import { GROUP, LEAST_CODES, PACKED_FLOATS, PANEL, QUAD, scoreGroup, THREADS } from './nearest-code.ts';
import { centeredCodes, FLUSHED, givenCodes, roundings, SCORED, type ScoredCodes } from './scored-codes.ts';

/*
 * Scores in float32 around the median of a sample, and what they leave open, in three programs: tokens are packed, groups of eight codes are scored,
 * and each token decides among the groups that can have its nearest code.
 *
 * With u = 2^-24, q and k a query and a key of w features and b its bias, a score of float32 is at most E = β (|q|² + |k|² + |b|) off,
 * β = (w + 8) 2u: half of that holds for sums and products (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), the rest for rounded
 * differences and for float64's own sums. Scores are searched with β (|k|² + |b|) added to them, so that the bound knows each code's own
 * magnitude and no far code blurs the others: the nearest code m and the winner v have score_m >= score_v - 2 β (|q|² + |k_v|² + |b_v|). What is below
 * 2^-126 may count as 0, which `flushed` takes. Codes 2^40 spreads away are not scored: no row that is nearer than 2^30 to the centre has one as its
 * nearest.
 */

/**
 * What the scores of a row may be off by its own length: by that bound or, where tokens are far longer than the longest key k, by
 * |q| |k|, since |q|² itself is common to all scores, and rounded in float64 alone.
 */
const REACH = `
let size = 1.01 * sqrt(squares);
let code = bitcast<f32>(longest[0]);
let sharp = params.relative * (1.05 * (1.01 * size * sqrt(code) + code) + 0x1p-26f * squares);
let reach = min(2.1 * params.relative * squares, sharp) + flushed * (size + 1.0);`.trim();

/**
 * One token per thread: [tokens, dim] → [dim + 1] rows of all tokens, so that threads side by side read numbers side by side, less the centre of the
 * codes and in their units. The last row is what scores may be off, or -1 where they say nothing.
 */
export const CENTER_TOKENS: Program = {
  name: 'CenterTokens',
  inputs: { x: 'u32', longest: 'i32', frame: 'f32' },
  outputs: { packed: 'f32' },
  params: { dim: 'u32', padded: 'u32', relative: 'f32', flushed: 'f32' },
  declarations: SCORED,
  body: `
let token = params.first + row;
let unit = frame[params.dim];
let flushed = ${FLUSHED};
var usable = true;
var squares = 0.0;
for (var i = 0u; i < params.dim; i++) {
  let bits = x[row * params.dim + i];
  let query = (bitcast<f32>(bits) * 0.25 - frame[i]) * unit;
  usable = usable && (bits & MAGNITUDE) < INFINITE && (bitcast<u32>(query) & MAGNITUDE) < FAR_TOKEN;
  squares += query * query;
  packed[i * params.padded + token] = query;
}
${REACH}
packed[params.dim * params.padded + token] = select(-1.0, reach, usable);`,
};

/** The same of queries that are given, with the slack of their scores; a distance from their origin is never too short. */
export const PACK_QUERIES: Program = {
  name: 'PackQueries',
  inputs: { queries: 'u32', moved: 'u32', slack: 'u32', longest: 'i32' },
  outputs: { packed: 'f32' },
  params: { dim: 'u32', wide: 'u32', padded: 'u32', relative: 'f32', flushed: 'f32' },
  declarations: SCORED,
  body: `
let token = params.first + row;
var usable = true;
var squares = 0.0;
for (var i = 0u; i < params.wide; i++) {
  let bits = moved[row * params.wide + i];
  usable = usable && (bits & MAGNITUDE) < 0x5b800000u; // 2^56
  squares += bitcast<f32>(bits) * bitcast<f32>(bits);
}
let away = 1.01 * sqrt(squares) + 0x1p-60f;
for (var i = 0u; i < 3u; i++) { usable = usable && (slack[i] & MAGNITUDE) < 0x71800000u; } // 2^100
let off = bitcast<f32>(slack[0]) + (bitcast<f32>(slack[1]) + bitcast<f32>(slack[2]) * away) * away;
usable = usable && (bitcast<u32>(off) & MAGNITUDE) < 0x71800000u;
let flushed = params.flushed;
squares = 0.0;
for (var i = 0u; i < params.dim; i++) {
  let bits = queries[row * params.dim + i];
  usable = usable && (bits & MAGNITUDE) < FAR_CODE;
  squares += bitcast<f32>(bits) * bitcast<f32>(bits);
  packed[i * params.padded + token] = bitcast<f32>(bits);
}
${REACH}
packed[params.dim * params.padded + token] = select(-1.0, 2.1 * off + reach, usable);`,
};

/** Four tokens and a part of the codes per thread: the group with the highest score, that score, and the highest of the other groups. */
export const SEARCH_GROUPS: Program = {
  name: 'NearestCodeExact',
  inputs: { tokens: 'vec4<f32>', packed: 'vec4<f32>' },
  outputs: { found: 'vec4<u32>' },
  params: { dim: 'u32', quads: 'u32', panels: 'u32', panelsEach: 'u32' },
  body: `
let flat = params.first + row;
let quad = flat % params.quads;
let part = flat / params.quads;
let end = min((part + 1u) * params.panelsEach, params.panels);
var winner = vec4<u32>();
var highest = vec4<f32>(-0x1.8p127f);
var next = highest;
let length = params.dim + 1u;
for (var panel = part * params.panelsEach; panel < end; panel += 2u) {
  let leftAt = panel * length;
  let rightAt = leftAt + length;
  ${scoreGroup()}
  let top = max(max(max(s0, s1), max(s2, s3)), max(max(s4, s5), max(s6, s7)));
  next = max(next, min(highest, top));
  winner = select(winner, vec4<u32>(panel), top > highest);
  highest = max(highest, top);
}
let at = part * 3u * params.quads + quad;
found[at] = winner;
found[at + params.quads] = bitcast<vec4<u32>>(highest);
found[at + 2u * params.quads] = bitcast<vec4<u32>>(next);`,
};

/**
 * One token per thread. No code whose score is below that of the best by more than its bound can be the nearest: nearly always that leaves one.
 * Otherwise the distances of those that it leaves are compared in float64. A token that is not finite has no distances: the first code that is
 * finite is its own.
 */
export const DECIDE_NEAREST: Program = {
  name: 'NearestCodeExactDecide',
  inputs: { x: 'u32', codes: 'u32', tokens: 'f32', packed: 'vec4<f32>', spans: 'f32', found: 'u32' },
  outputs: { indices: 'i32' },
  params: {
    dim: 'u32',
    wide: 'u32',
    padded: 'u32',
    codes: 'u32',
    panels: 'u32',
    panelsEach: 'u32',
    parts: 'u32',
  },
  declarations: `${SCORED}
${FLOAT64}

fn scoresOf(panel : u32, token : u32) -> vec4<f32> {
  let at = panel * (params.dim + 1u);
  var scores = packed[at];
  for (var i = 0u; i < params.dim; i++) { scores += tokens[i * params.padded + token] * packed[at + 1u + i]; }
  return scores;
}`,
  body: `
let token = params.first + row;
var own = 0u;
var highest = -0x1.8p127f;
for (var part = 0u; part < params.parts; part++) {
  let score = bitcast<f32>(found[(3u * part + 1u) * params.padded + token]);
  if (score > highest) {
    highest = score;
    own = part;
  }
}
let winner = found[3u * own * params.padded + token];
var index = 0u;
var best = LOWEST;
var second = LOWEST;
for (var panel = winner; panel < winner + 2u; panel++) {
  let scores = scoresOf(panel, token);
  for (var lane = 0u; lane < 4u; lane++) {
    second = max(second, min(best, scores[lane]));
    index = select(index, 4u * panel + lane, scores[lane] > best);
    best = max(best, scores[lane]);
  }
}
let reach = tokens[params.dim * params.padded + token];
let off = reach + spans[index];
let limit = best - off;
let any = reach < 0.0 || off >= ANY || abs(best) >= ANY;
var open = any || second >= limit;
for (var part = 0u; part < params.parts; part++) {
  // In its own part, of the groups beside the best.
  let kind = select(1u, 2u, part == own);
  open = open || bitcast<f32>(found[(3u * part + kind) * params.padded + token]) >= limit;
}
if (!open) {
  indices[row] = i32(index);
  return;
}
let start = row * params.wide;
var hasDistances = true;
for (var i = 0u; any && i < params.wide; i++) { hasDistances = hasDistances && (x[start + i] & INFINITE) != INFINITE; }
index = 0u;
var nearest = FAR;
var hasNearest = false;
for (var part = 0u; part < params.parts; part++) {
  let at = 3u * part * params.padded + token;
  var panel = part * params.panelsEach;
  var end = min(panel + params.panelsEach, params.panels);
  if (!any) {
    if (bitcast<f32>(found[at + params.padded]) < limit) { continue; }
    if (bitcast<f32>(found[at + 2u * params.padded]) < limit) {
      panel = found[at];
      end = panel + 2u;
    }
  }
  for (; panel < end; panel++) {
    var scores = vec4<f32>();
    if (!any) { scores = scoresOf(panel, token); }
    for (var lane = 0u; lane < 4u; lane++) {
      let code = 4u * panel + lane;
      if (code >= params.codes || (!any && scores[lane] < limit)) { continue; }
      // Codes that are equal are compared once.
      var isKnown = hasNearest;
      for (var i = 0u; isKnown && i < params.wide; i++) {
        isKnown = codes[code * params.wide + i] == codes[index * params.wide + i];
      }
      var distance = ZERO;
      var isNearer = !isKnown && less(distance, nearest);
      for (var i = 0u; isNearer && i < params.wide; i++) {
        let element = codes[code * params.wide + i];
        isNearer = (element & INFINITE) != INFINITE;
        if (isNearer && hasDistances) {
          distance = added(distance, squared(difference(x[start + i], element)));
          isNearer = less(distance, nearest);
        }
      }
      if (isNearer) {
        nearest = distance;
        index = code;
        hasNearest = true;
      }
    }
  }
}
indices[row] = i32(index);`,
};

type Infos = { readonly [name in keyof NearestCodeExactInputs]: TensorInfo };

/** A search in the codes' own space, or in one that is given: what it knows of the codes, and how it packs tokens. */
interface Space {
  readonly width: number;
  readonly scored: ScoredCodes;
  readonly program: Program;
  readonly operands: Readonly<Record<string, Operand>>;
}

export const nearestCodeExact: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const inputs = call.inputs as unknown as Infos;
  const { x, codes } = inputs;
  const [tokens, wide] = x.shape as [number, number];
  const [codebookSize] = codes.shape as [number];
  const indices = output(backend, [tokens], 'int32');
  if (tokens === 0) return [indices];
  const { width: dim, scored, program, operands } = spaceOf(backend, inputs);
  const [packed, spans, longest] = scored;
  const panels = (spans.shape[0] as number) / PANEL;
  const chunk = rowsWithin(backend, Math.max(dim + 1, 3), PACKED_FLOATS);
  for (let start = 0; start < tokens; start += chunk) {
    const count = Math.min(chunk, tokens - start);
    const quads = Math.ceil(count / QUAD);
    const padded = QUAD * quads;
    const queries = output(backend, [dim + 1, padded], 'float32');
    const from = Object.entries(operands).map(([name, operand]) => [
      name,
      operand.perRow ? { ...operand, from: start } : operand,
    ]);
    const packing = { ...Object.fromEntries(from), longest: { tensor: longest }, packed: { tensor: queries } };
    run(backend, program, count, packing, { dim, wide, padded, ...roundings(dim) });

    const room = Math.floor(rowsWithin(backend, 1) / (3 * padded));
    const most = Math.min(room, Math.ceil(THREADS / quads), Math.ceil(codebookSize / LEAST_CODES));
    const panelsEach = (GROUP / PANEL) * Math.ceil((panels * PANEL) / GROUP / Math.max(1, most));
    const parts = Math.ceil(panels / panelsEach);
    const found = output(backend, [3 * parts, padded], 'int32');
    const search = { tokens: { tensor: queries }, packed: { tensor: packed }, found: { tensor: found } };
    run(backend, SEARCH_GROUPS, quads * parts, search, { dim, quads, panels, panelsEach });

    const decide = {
      ...search,
      x: { tensor: x, perRow: wide, from: start },
      codes: { tensor: codes },
      spans: { tensor: spans },
      indices: { tensor: indices, perRow: 1, from: start },
    };
    const params = { dim, wide, padded, codes: codebookSize, panels, panelsEach, parts };
    run(backend, DECIDE_NEAREST, count, decide, params);
    release(backend, queries, found);
  }
  return [indices];
};

function spaceOf(backend: DeviceBackend, { x, codes, queries, keys, bias, moved, slack }: Infos): Space {
  const dim = codes.shape[1] as number;
  if (queries && keys && bias && moved && slack) {
    const width = keys.shape[1] as number;
    return {
      width,
      scored: givenCodes(backend, keys, bias),
      program: PACK_QUERIES,
      operands: {
        queries: { tensor: queries, perRow: width },
        moved: { tensor: moved, perRow: dim },
        slack: { tensor: slack },
      },
    };
  }
  const scored = centeredCodes(backend, codes);
  const [, , , frame] = scored as readonly [TensorInfo, TensorInfo, TensorInfo, TensorInfo];
  return {
    width: dim,
    scored,
    program: CENTER_TOKENS,
    operands: { x: { tensor: x, perRow: dim }, frame: { tensor: frame } },
  };
}
