import { requireOption } from '@vqkit/core-tensor/check';
import {
  type Codec,
  type CodecExtras,
  createCodec,
  requireChannelsLast,
  requireInCodec,
} from '@vqkit/core-tensor/codec';
import { ShapeError, show } from '@vqkit/core-tensor/errors';
import { createCodeSearch, decodeRows } from '@vqkit/core-tensor/plain-search';
import { floatsOf, type PlainTensor } from '@vqkit/core-tensor/plain-tensor';
import { resolveCodes, type VqCodeOptions, type VqOptions } from './options.ts';
import { searchDirections, searchProducts, searchUnits, unitCodes } from './plain-codes.ts';

export type { Codec, CodecExtras } from '@vqkit/core-tensor/codec';
export type { PlainTensor } from '@vqkit/core-tensor/plain-tensor';
export { searchDirections, searchProducts, searchUnits, unitCodes } from './plain-codes.ts';

const WHERE = 'createVqCodec';
const SEARCHES = { euclidean: createCodeSearch, cosine: searchDirections, dot: searchProducts } as const;
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
  const search = useCosineSim ? searchUnits : SEARCHES[metric];
  return createCodec({
    where: WHERE,
    dim,
    codebookSize,
    numCodebooks: 1,
    encodeTokens: search({ codes: codebook, dim }, kernels),
    decodeTokens: decodeRows(useCosineSim ? unitCodes(codebook, dim) : codebook, dim),
  });
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
