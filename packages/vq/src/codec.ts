import { requireOption } from '@vqkit/core-tensor/check';
import {
  type Codec,
  type CodecExtras,
  type CodecKernels,
  createCodec,
  type RowEncoder,
  requireChannelsLast,
  requireInCodec,
} from '@vqkit/core-tensor/codec';
import { ShapeError, show } from '@vqkit/core-tensor/errors';
import { createCodeSearch, decodeRows } from '@vqkit/core-tensor/plain-search';
import { floatsOf, type PlainTensor } from '@vqkit/core-tensor/plain-tensor';
import { LOADED_UNIT, resolveCodes, type VqCodeOptions, type VqOptions } from './options.ts';

export type { Codec, CodecExtras } from '@vqkit/core-tensor/codec';
export type { PlainTensor } from '@vqkit/core-tensor/plain-tensor';

const WHERE = 'createVqCodec';
/** Tokens that are put at length 1 at a time. */
const UNIT_TOKENS = 1024;
const FIX = 'Pass the state of a quantizer of the same configuration.';

/** What a codec takes: the options of `createVq`, or the `config` of a quantizer, of which only those of the codes count here. */
export type VqCodecOptions = VqCodeOptions & Partial<Record<Exclude<keyof VqOptions, keyof VqCodeOptions>, unknown>>;

/**
 * VQ on plain typed arrays, without TensorFlow.js: `index = argmin_k |x - c_k|`, for cosine similarity with x at length 1;
 * with `metric` by direction or product. Tokens are
 * [N, dim], indices [N], both flat.
 *
 * The ids are those of every engine, bit for bit where tokens are not put at length 1. Codes are those of
 * the engine bit for bit, but for codes that a gradient has moved off the sphere of `useCosineSim`: these are put back on it here in
 * float64. With { codebook } they are the engine's too.
 *
 * - Ties: the lowest index. A code with a NaN or an infinity, or for cosine similarity without a direction (a length up to 1e-12), is never
 *   chosen while there is another; a token with one, or without one, gets the first code that can be chosen.
 *
 * @param options those of `createVq`, or the `config` of a quantizer; what concerns training changes nothing and is not checked.
 * @param state the state dict of a quantizer, of which only `_codebook.embed` [1, K, dim] is read; or `codebook` [K, dim], what the
 * quantizer's `codebook()` gives. Values are copied; half floats, as `decodeSafetensors` gives them, exactly.
 * @param extras `kernels` from `loadKernels` of @vqkit/backend-wasm/codec encode with SIMD, the same ids.
 * @throws OptionError when an option, a key or a value breaks its rule; ShapeError for a wrong shape; DataError for a value that float32 cannot hold; UnsupportedError for several heads
 * (flat rows of heads that share a codebook are those of `dim: codebookDim`), for projections, because a matrix product in another order
 * can move a token to another code, and for channels-first data.
 * @example
 * const codebook = { shape: [2, 2], data: [1, 0, 0, 1] };
 * const codec = createVqCodec({ dim: 2, codebookSize: 2 }, { codebook });
 * const ids = codec.encode(new Float32Array([0.3, 0.9])); // [ 1 ]
 * const codes = codec.decode(ids); // [ 0, 1 ]
 */
export function createVqCodec(
  options: VqCodecOptions,
  state: Readonly<Record<string, PlainTensor>>,
  { kernels }: CodecExtras = {},
): Codec {
  const { dim, codebookSize, codebookDim, heads, useCosineSim, metric, dataFormat } = resolveCodes(WHERE, options);
  requireChannelsLast(WHERE, dataFormat);
  requireInCodec(heads === 1, WHERE, 'heads', '1', heads, 'Make a codec for one head.');
  requireInCodec(codebookDim === dim, WHERE, 'codebookDim', 'dim', codebookDim, 'Apply projections outside.');
  const codebook = readCodes(state, codebookSize, dim);
  const ofDirection = useCosineSim || metric === 'cosine';
  const searched = ofDirection ? codebook.slice() : codebook;
  // Never chosen, where 0 would be nearer than a code that points away.
  if (ofDirection) normalise(searched, dim, useCosineSim ? LOADED_UNIT : 1e-6, Number.NaN);
  if (useCosineSim) normalise(codebook, dim, LOADED_UNIT, 0);

  const search =
    metric === 'dot' ? productSearch(codebook, dim, kernels) : createCodeSearch({ codes: searched, dim }, kernels);
  const unit = new Float32Array(ofDirection ? UNIT_TOKENS * dim : 0);
  /** The search for tokens at length 1. One without a direction becomes NaN, which is equally far from all codes. */
  const searchUnits: RowEncoder = (input, indices, tokens) => {
    for (let first = 0; first < tokens; first += UNIT_TOKENS) {
      const here = Math.min(UNIT_TOKENS, tokens - first);
      unit.set(input.subarray(first * dim, (first + here) * dim));
      normalise(unit.subarray(0, here * dim), dim, 0, Number.NaN);
      search(unit, indices.subarray(first), here);
    }
  };

  return createCodec({
    where: WHERE,
    dim,
    codebookSize,
    numCodebooks: 1,
    encodeTokens: ofDirection ? searchUnits : search,
    decodeTokens: decodeRows(codebook, dim),
  });
}

/**
 * The code of the largest ⟨x, c⟩, as a search of the nearest: features more make all codes equally long, c → (c, √(M² - |c|²)), which takes two
 * float32 numbers. Tokens have 0 there.
 */
function productSearch(codes: Float32Array, dim: number, kernels: CodecKernels | undefined): RowEncoder {
  const width = dim + 2;
  const count = codes.length / dim;
  const squares = Array.from({ length: count }, (_, k) =>
    codes.subarray(k * dim, (k + 1) * dim).reduce((sum, value) => sum + value * value, 0),
  );
  let most = 0;
  for (const square of squares) if (square > most) most = square;
  const lifted = new Float32Array(count * width);
  for (const [k, square] of squares.entries()) {
    lifted.set(codes.subarray(k * dim, (k + 1) * dim), k * width);
    // Cut off, so that there is a rest.
    const height = Math.fround(Math.sqrt(most - square) * (1 - 2 ** -23));
    lifted[k * width + dim] = height;
    lifted[k * width + dim + 1] = Math.sqrt(most - square - height * height);
  }
  const search = createCodeSearch({ codes: lifted, dim: width }, kernels);
  const queries = new Float32Array(UNIT_TOKENS * width);
  return (input, indices, tokens) => {
    for (let first = 0; first < tokens; first += UNIT_TOKENS) {
      const here = Math.min(UNIT_TOKENS, tokens - first);
      for (let n = 0; n < here; n++) {
        const token = input.subarray((first + n) * dim, (first + n + 1) * dim);
        queries.set(token, n * width);
        // All products are 0, and the first code is taken.
        if (token.every((value) => value === 0)) queries[n * width] = Number.NaN;
      }
      search(queries, indices.subarray(first), here);
    }
  };
}

/** Puts rows at length 1; those that are nearly so stay as they are, and one of a length up to 1e-12 has no direction. */
function normalise(rows: Float32Array, width: number, nearly: number, none: number): void {
  for (let start = 0; start < rows.length; start += width) {
    let squared = 0;
    for (let i = start; i < start + width; i++) squared += (rows[i] as number) ** 2;
    if (Math.abs(squared - 1) < nearly) continue;
    if (squared <= 1e-24) {
      rows.fill(none, start, start + width);
      continue;
    }
    const factor = squared ** -0.5;
    for (let i = start; i < start + width; i++) rows[i] = (rows[i] as number) * factor;
  }
}

function readCodes(state: Readonly<Record<string, PlainTensor>>, size: number, width: number): Float32Array {
  const given = Object.keys(state ?? {});
  const name = given.includes('codebook') ? 'codebook' : '_codebook.embed';
  const rule = "an object with '_codebook.embed' or 'codebook'";
  requireOption(given.includes(name), WHERE, 'state', rule, given, FIX);
  const expected = name === 'codebook' ? [size, width] : [1, size, width];
  const tensor = state[name] as PlainTensor;
  const { shape, data } = (tensor ?? {}) as Partial<PlainTensor>;
  if (show(shape) === show(expected) && data?.length === size * width) return floatsOf(WHERE, name, tensor).slice();
  const wanted = `be { shape: ${show(expected)}, data: ${size * width} values }`;
  throw new ShapeError(WHERE, `state['${name}']`, wanted, { shape, data: data?.length }, FIX);
}
