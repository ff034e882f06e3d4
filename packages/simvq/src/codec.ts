import { requireKnownOptions } from '@vqkit/core-tensor/check';
import { type Codec, type CodecExtras, createCodec, requireChannelsLast } from '@vqkit/core-tensor/codec';
import { decodeRows } from '@vqkit/core-tensor/plain-search';
import type { PlainTensor } from '@vqkit/core-tensor/plain-tensor';
import { OPTIONS, resolveCodes, type SimVqCodeOptions } from './code-options.ts';
import { createCodeSearch } from './codec-search.ts';
import { readState } from './codec-state.ts';

export type { Codec, CodecExtras } from '@vqkit/core-tensor/codec';
export type { PlainTensor } from '@vqkit/core-tensor/plain-tensor';
export type { SimVqCodeOptions } from './code-options.ts';

const WHERE = 'createSimVqCodec';

/** What a codec takes: the options of `createSimVq`, or the `config` of a quantizer, of which only those of the codes count here. */
export type SimVqCodecOptions = SimVqCodeOptions & Partial<Record<Exclude<Option, keyof SimVqCodeOptions>, unknown>>;

type Option = (typeof OPTIONS)[number];

/**
 * SimVQ on plain typed arrays, without TensorFlow.js: `index = argmin_k |x - c_k|`, codes C = F Wᵀ + b. Tokens are [N, dim], indices
 * [N], both flat.
 *
 * Codes are sums in float64, rounded to float32 once at the end. An engine's float32 sums differ from them in the last bits, and between
 * engines: there the id of a token that is equally near to two codes, within that rounding, may differ. With `codebook` in place of
 * the weights codes and ids are those of the engine bit for bit.
 *
 * - Ties: the lowest index. A code with a NaN or an infinity is never chosen while there is another; a token with one gets the first code that
 *   has none.
 *
 * @param options those of `createSimVq`, or the `config` of a quantizer; what concerns training changes nothing and is not checked.
 * @param state the state dict of a quantizer with a linear transform, `frozen_codebook` [K, frozenCodebookDim],
 * `code_transform.weight` [dim, frozenCodebookDim] and, with `transformBias`, `code_transform.bias` [dim]; or, for any transform,
 * `codebook` [K, dim], the result of `decode` for 0 … K - 1. Values are copied; half floats, as `decodeSafetensors` gives them, exactly.
 * @param extras `kernels` from `loadKernels` of @vqkit/backend-wasm/codec encode with SIMD, the same ids.
 * @throws OptionError when an option, a key or a value breaks its rule; ShapeError for a wrong shape; DataError for a value that float32 cannot hold; UnsupportedError for weights of a
 * transform that is not linear, and for channels-first data.
 * @example
 * const codebook = { shape: [2, 2], data: [1, 0, 0, 1] };
 * const codec = createSimVqCodec({ dim: 2, codebookSize: 2 }, { codebook });
 * const ids = codec.encode(new Float32Array([0.3, 0.9])); // [ 1 ]
 * const codes = codec.decode(ids); // [ 0, 1 ]
 */
export function createSimVqCodec(
  options: SimVqCodecOptions,
  state: Readonly<Record<string, PlainTensor>>,
  { kernels }: CodecExtras = {},
): Codec {
  requireKnownOptions(WHERE, options, OPTIONS);
  const config = resolveCodes(WHERE, options);
  const { dim, codebookSize, dataFormat } = config;
  requireChannelsLast(WHERE, dataFormat);
  const codes = readState(WHERE, config, options.codebookTransform ?? 'linear', state);

  return createCodec({
    where: WHERE,
    dim,
    codebookSize,
    numCodebooks: 1,
    encodeTokens: createCodeSearch(config, codes, kernels),
    decodeTokens: decodeRows(codes.codebook, dim),
  });
}
