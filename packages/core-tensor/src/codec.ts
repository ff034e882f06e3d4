import { requireOption } from './check.ts';
import { ShapeError, UnsupportedError } from './errors.ts';
import type { FsqAttrs } from './fsq-attrs.ts';

export type { FsqAttrs };

/**
 * The second door of a quantizer: ids and codes on plain typed arrays, without TensorFlow.js. The ids of the tensors' `encode` and the
 * values of its `decode`, bit for bit, where both have the same codes: SimVQ's are sums, which an engine may round in another way.
 *
 * Tokens are flat and channels-last, [N, dim]; indices are flat, [N, numCodebooks]. `encodeInto` and `decodeInto` allocate nothing.
 * A wrong array throws OptionError, a wrong length ShapeError, a result that no array can hold UnsupportedError; data are not checked: what NaN does is documented in each method.
 */
export interface Codec {
  /** Features per token. */
  readonly dim: number;
  /** Number of codes of one codebook; indices are in [0, codebookSize). */
  readonly codebookSize: number;
  /** Indices per token. */
  readonly numCodebooks: number;
  /** [N, dim] → int32 [N, numCodebooks]. */
  encode(input: Float32Array): Int32Array;
  /** The same into the beginning of `indices`, which holds N · numCodebooks or more. */
  encodeInto(input: Float32Array, indices: Int32Array): void;
  /** int32 [N, numCodebooks] → [N, dim]: zeros for a token of -1 (padding), NaN for one with any other index out of range. */
  decode(indices: Int32Array): Float32Array;
  /** The same into the beginning of `output`, which holds N · dim or more. */
  decodeInto(indices: Int32Array, output: Float32Array): void;
}

/** Writes the index of each of the first `rows` rows of `input`, [rows, features], to `indices`. */
export type RowEncoder = (input: Float32Array, indices: Int32Array, rows: number) => void;

/** x → W x + b of every row: `weight` [outputs, columns] row by row, `bias` [outputs]. */
export interface Projection {
  readonly weight: Float32Array;
  readonly bias?: Float32Array | undefined;
}

/** Writes the projections of the first `rows` rows of `input`, [rows, columns], to `output`, [rows, outputs]. */
export type RowProjector = (input: Float32Array, output: Float32Array, rows: number) => void;

/** SIMD versions of the codecs' loops, which `loadKernels` of @vqkit/backend-wasm/codec gives. Each call makes one of its own. */
export interface CodecKernels {
  /** FSQ: the integer of the levels that each row's features have reached. */
  fsqEncoder(attrs: FsqAttrs): RowEncoder;
  /** LFQ: the integer of the signs of each row's `features`, the first the most significant bit. */
  signEncoder(features: number): RowEncoder;
  /** VQ and SimVQ: the index of the nearest code of each token, the same as `search.encode`. */
  nearestEncoder(search: NearestSearch): RowEncoder;
  /** Projections summed in float64 from b on, feature by feature, and rounded once; undefined where the weights are too many. */
  projector(projection: Projection, columns: number, outputs: number): RowProjector | undefined;
}

/** Scores that stand for distances, in a space of their own: the nearest code has the highest ⟨query, key⟩ + bias, or nearly. */
export interface ScoredSpace {
  readonly width: number;
  /** [K, width] and [K]. */
  readonly keys: ArrayLike<number>;
  readonly biases: ArrayLike<number>;
  /** By how much a score may differ from (|x - o|² - |x - c|²)/2 for a token of that reach r: slack[0] + slack[1] r + slack[2] r². */
  readonly slack: readonly [number, number, number];
  /** Puts the query of a token at a place of `queries`; gives the token's reach |x - o|. */
  readonly setQuery: (input: Float32Array, token: number, queries: Float64Array, at: number) => number;
}

/** What is searched: codes [K, dim], and a narrower space where there is one. */
export interface PlainCodes {
  readonly codes: Float32Array;
  readonly dim: number;
  readonly space?: ScoredSpace | undefined;
}

/** A search in plain loops, and what it searches. */
export interface NearestSearch extends PlainCodes {
  readonly encode: RowEncoder;
}

/** What a codec may be given beside the options of its quantizer. */
export interface CodecExtras {
  /** From `loadKernels` of @vqkit/backend-wasm/codec: encodes with SIMD, the same ids. Default: plain loops. */
  readonly kernels?: CodecKernels | undefined;
}

/** The part of a codec that is its own: plain loops over N tokens. {@link createCodec} adds the rest. */
export interface CodecMethod {
  /** Name of the constructor, for errors. */
  readonly where: string;
  readonly dim: number;
  readonly codebookSize: number;
  readonly numCodebooks: number;
  encodeTokens(input: Float32Array, indices: Int32Array, tokens: number): void;
  /** Must bear any int32; tokens with an index out of range are written over afterwards. */
  decodeTokens(indices: Int32Array, output: Float32Array, tokens: number): void;
}

/**
 * Makes a codec from a method: the checks, the allocating calls, and the indices out of range.
 *
 * @example
 * const bit = createCodec({
 *   where: 'createBitCodec', dim: 1, codebookSize: 2, numCodebooks: 1,
 *   encodeTokens: (input, indices, n) => { for (let i = 0; i < n; i++) indices[i] = Number(input[i] > 0); },
 *   decodeTokens: (indices, output, n) => { for (let i = 0; i < n; i++) output[i] = 2 * indices[i] - 1; },
 * });
 * bit.encode(new Float32Array([0.5, -2])); // Int32Array [1, 0]
 */
export function createCodec(method: CodecMethod): Codec {
  const { where, dim, codebookSize, numCodebooks } = method;

  // Made once: putting a name together allocates.
  const [encode, encodeInto, decode, decodeInto] = ['encode', 'encodeInto', 'decode', 'decodeInto'].map(
    (call) => `${where}().${call}`,
  ) as [string, string, string, string];

  const decodeChecked = (indices: Int32Array, output: Float32Array, tokens: number): void => {
    method.decodeTokens(indices, output, tokens);
    replaceOutOfRange(indices, output, tokens, method);
  };
  return {
    dim,
    codebookSize,
    numCodebooks,
    encode(input) {
      const tokens = tokensOf(encode, 'input', input, Float32Array, dim);
      const indices = makeArray(encode, Int32Array, tokens * numCodebooks);
      method.encodeTokens(input, indices, tokens);
      return indices;
    },
    encodeInto(input, indices) {
      const tokens = tokensOf(encodeInto, 'input', input, Float32Array, dim);
      requireRoom(encodeInto, 'indices', indices, Int32Array, tokens * numCodebooks);
      method.encodeTokens(input, indices, tokens);
    },
    decode(indices) {
      const tokens = tokensOf(decode, 'indices', indices, Int32Array, numCodebooks);
      const output = makeArray(decode, Float32Array, tokens * dim);
      decodeChecked(indices, output, tokens);
      return output;
    },
    decodeInto(indices, output) {
      const tokens = tokensOf(decodeInto, 'indices', indices, Int32Array, numCodebooks);
      requireRoom(decodeInto, 'output', output, Float32Array, tokens * dim);
      decodeChecked(indices, output, tokens);
    },
  };
}

/**
 * Throws unless `holds`: an option that the tensor API has and a codec has not.
 *
 * @throws UnsupportedError
 * @example
 * requireInCodec(!rotates, 'createFsqCodec', 'orthogonalRotation', 'false', true, 'Apply the rotation outside.');
 */
export function requireInCodec(
  holds: boolean,
  where: string,
  argument: string,
  rule: string,
  value: unknown,
  fix: string,
): void {
  if (!holds) throw new UnsupportedError(where, argument, `be ${rule}`, value, fix);
}

/** Throws UnsupportedError unless the data are channels-last: the layout of a flat array is not visible in it. */
export function requireChannelsLast(where: string, dataFormat: string): void {
  const rule = "'channelsLast'";
  requireInCodec(
    dataFormat === 'channelsLast',
    where,
    'dataFormat',
    rule,
    dataFormat,
    'Transpose to [N, dim] outside.',
  );
}

type NumberArray = typeof Float32Array | typeof Int32Array;

/**
 * An array for a result; JavaScript's own error does not say whose it was.
 *
 * @throws UnsupportedError where no array is so long.
 * @example
 * makeArray('createFsqCodec().encode', Int32Array, 3); // Int32Array [ 0, 0, 0 ]
 */
export function makeArray<T>(where: string, type: new (length: number) => T, length: number): T {
  try {
    return new type(length);
  } catch {
    const rule = 'fit into one array';
    throw new UnsupportedError(where, 'the length of the result', rule, length, 'Pass fewer tokens.');
  }
}

function requireArray(where: string, argument: string, value: unknown, type: NumberArray): void {
  const fix = `Make one with ${type.name}.from(…).`;
  requireOption(value instanceof type, where, argument, `of type ${type.name}`, value, fix);
}

/** The number of tokens that an array holds. */
function tokensOf(
  where: string,
  argument: string,
  array: Float32Array | Int32Array,
  type: NumberArray,
  perToken: number,
): number {
  requireArray(where, argument, array, type);
  const tokens = array.length / perToken;
  if (Number.isInteger(tokens)) return tokens;
  const rule = `be a multiple of ${perToken} (one token)`;
  throw new ShapeError(where, `${argument}.length`, rule, array.length, 'Pass whole tokens.');
}

function requireRoom(
  where: string,
  argument: string,
  array: Float32Array | Int32Array,
  type: NumberArray,
  length: number,
): void {
  requireArray(where, argument, array, type);
  if (array.length >= length) return;
  const fix = `Make it with new ${type.name}(${length}).`;
  throw new ShapeError(where, `${argument}.length`, `be >= ${length}`, array.length, fix);
}

/** Zeros for a token whose indices are all -1, NaN for one with any other index out of range. */
function replaceOutOfRange(
  indices: Int32Array,
  output: Float32Array,
  tokens: number,
  { dim, codebookSize, numCodebooks }: CodecMethod,
): void {
  for (let n = 0, i = 0; n < tokens; n++) {
    let inRange = true;
    let padding = true;
    for (const end = i + numCodebooks; i < end; i++) {
      const index = indices[i] as number;
      inRange = inRange && index >= 0 && index < codebookSize;
      padding = padding && index === -1;
    }
    if (!inRange) output.fill(padding ? 0 : Number.NaN, n * dim, (n + 1) * dim);
  }
}
