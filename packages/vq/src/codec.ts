import { requireBoolean, requireKnownOptions, requireNonNegative, requireOption } from '@vqkit/core-tensor/check';
import {
  type Codec,
  type CodecExtras,
  createCodec,
  requireChannelsLast,
  requireInCodec,
} from '@vqkit/core-tensor/codec';
import { ShapeError, show } from '@vqkit/core-tensor/errors';
import { createPlainSearch, type SearchSpace } from '@vqkit/core-tensor/plain-search';
import { type CodeOptions, OPTIONS, resolveCodes } from './code-options.ts';
import type { VqOptions } from './options.ts';

export type { Codec, CodecExtras } from '@vqkit/core-tensor/codec';

const WHERE = 'createVqCodec';
const EMBED = '_codebook.embed';

/** A tensor as plain data, row-major, such as `@vqkit/checkpoint` reads from a file. */
export interface PlainTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

type Counted = CodeOptions | 'learnableCodebook' | 'orthogonalRegWeight';

/** What a codec takes: the options of `createVq`, or the `config` of a quantizer, of which only those of the codes count here. */
export type VqCodecOptions = Pick<VqOptions, Counted> & Partial<Record<Exclude<keyof VqOptions, Counted>, unknown>>;

/**
 * VQ on plain typed arrays, without TensorFlow.js: `index = argmin_k |x - c_k|`, for cosine similarity with x at length 1. Tokens are
 * [N, dim], indices [N, heads], both flat.
 *
 * Sums are float64. An engine's float32 sums differ from them in the last bits, and between engines: there the id of a token that is
 * equally near to two codes, within that rounding, may differ (with `exact: true` it does not, for Euclidean distances). Codes are those of
 * the engine bit for bit; only codes that a gradient has moved off the sphere (`useCosineSim` with `learnableCodebook` or
 * `orthogonalRegWeight`) are put back on it in float64: pass { codebook } there for the engine's own.
 *
 * - Ties: the lowest index. A token with a NaN, an infinity or a magnitude of 2^56 or more gets index 0.
 *
 * @param options those of `createVq`, or the `config` of a quantizer; what concerns training changes nothing and is not checked.
 * @param state the state dict of a quantizer, of which only `_codebook.embed` [1, K, codebookDim] is read; or `codebook`
 * [K, codebookDim], what the quantizer's `codebook()` gives. Values are copied.
 * @param extras `kernels` from `loadKernels` of @vqkit/backend-wasm/codec encode with SIMD, the same ids.
 * @throws OptionError when an option, a key or a value breaks its rule; ShapeError for a wrong shape; UnsupportedError for projections,
 * because a matrix product in another order can move a token to another code, for a codebook per head, and for channels-first data.
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
  requireKnownOptions(WHERE, options, OPTIONS);
  const config = resolveCodes(WHERE, options);
  const { dim, codebookSize, codebookDim: width, heads, separateCodebookPerHead, useCosineSim } = config;
  requireChannelsLast(WHERE, config.dataFormat);
  requireInCodec(
    dim === heads * width,
    WHERE,
    'dim',
    `${heads * width}: a codec has no projections`,
    dim,
    'Apply them outside.',
  );
  const books = 'false with several heads';
  requireInCodec(
    !separateCodebookPerHead || heads === 1,
    WHERE,
    'separateCodebookPerHead',
    books,
    true,
    'Make a codec for each head.',
  );
  const { learnableCodebook = false, orthogonalRegWeight = 0 } = options;
  requireBoolean(WHERE, 'learnableCodebook', learnableCodebook);
  requireNonNegative(WHERE, 'orthogonalRegWeight', orthogonalRegWeight);
  const moved = useCosineSim && (learnableCodebook || orthogonalRegWeight > 0);
  const codes = readCodes(state, [codebookSize, width], moved);

  const space = (mean: Float64Array): SearchSpace => ({
    setQuery(input, row, queries, at) {
      const start = row * width;
      const factor = useCosineSim ? unitFactor(input, start, width) : 1;
      for (let i = 0; i < width; i++) {
        queries[at + i] = (input[start + i] as number) * factor - (mean[i] as number);
      }
    },
    squaredLength: (key) => key.reduce((sum, value) => sum + value * value, 0),
  });
  const nearest = createPlainSearch({ dim: width, width, codebookSize, vectors: codes, space }, kernels);

  return createCodec({
    where: WHERE,
    dim,
    codebookSize,
    numCodebooks: heads,
    encodeTokens: (input, indices, tokens) => nearest(input, indices, tokens * heads),
    decodeTokens(indices, output, tokens) {
      for (let row = 0, k = 0; row < tokens * heads; row++) {
        const index = indices[row] as number;
        // Whatever is read for an index out of range is written over.
        const from = index >= 0 && index < codebookSize ? index * width : 0;
        for (let i = 0; i < width; i++, k++) output[k] = codes[from + i] as number;
      }
    },
  });
}

/** 1 / |x|; 0 where |x| <= 1e-12, as there is no direction. */
function unitFactor(values: Float32Array, start: number, width: number): number {
  let squared = 0;
  for (let i = start; i < start + width; i++) squared += (values[i] as number) ** 2;
  return squared > 1e-24 || Number.isNaN(squared) ? 1 / Math.sqrt(squared) : 0;
}

function readCodes(
  state: Readonly<Record<string, PlainTensor>>,
  shape: readonly [number, number],
  moved: boolean,
): Float32Array {
  const [size, width] = shape;
  const given = Object.keys(state ?? {});
  const name = given.includes('codebook') ? 'codebook' : EMBED;
  requireOption(
    given.includes(name),
    WHERE,
    'state',
    `an object with '${EMBED}' or 'codebook'`,
    given,
    'Pass the state of a quantizer of the same configuration.',
  );
  const expected = name === EMBED ? [1, ...shape] : shape;
  const { shape: found, data } = (state[name] ?? {}) as Partial<PlainTensor>;
  if (show(found) !== show(expected) || data?.length !== size * width) {
    throw new ShapeError(
      `${WHERE}: state['${name}'] must be { shape: ${show(expected)}, data: ${size * width} values }, got shape ${show(found)} and ${data?.length} values. Pass the state of a quantizer of the same configuration.`,
    );
  }
  const codes = Float32Array.from(data);
  for (let start = 0; moved && name === EMBED && start < codes.length; start += width) {
    const factor = unitFactor(codes, start, width);
    for (let i = start; i < start + width; i++) codes[i] = (codes[i] as number) * factor;
  }
  return codes;
}
