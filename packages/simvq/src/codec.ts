import { requireOption } from '@vqkit/core-tensor/check';
import {
  type Codec,
  type CodecExtras,
  type CodecKernels,
  createCodec,
  type RowEncoder,
  requireChannelsLast,
  requireInCodec,
  type ScoredSpace,
} from '@vqkit/core-tensor/codec';
import { ShapeError, show } from '@vqkit/core-tensor/errors';
import { createPlainSearch, decodeRows, linearSlack } from '@vqkit/core-tensor/plain-search';
import { floatsOf, type PlainTensor } from '@vqkit/core-tensor/plain-tensor';
import { type OPTIONS, resolveCodes, type SimVqCodeConfig, type SimVqCodeOptions } from './code-options.ts';

export type { Codec, CodecExtras } from '@vqkit/core-tensor/codec';
export type { PlainTensor } from '@vqkit/core-tensor/plain-tensor';
export type { SimVqCodeOptions } from './code-options.ts';

const WHERE = 'createSimVqCodec';
const FIX = 'Pass the state of a quantizer of the same configuration.';

/** What a codec takes: the options of `createSimVq`, or the `config` of a quantizer, of which only those of the codes count here. */
export type SimVqCodecOptions = SimVqCodeOptions & Partial<Record<Exclude<Option, keyof SimVqCodeOptions>, unknown>>;

type Option = (typeof OPTIONS)[number];

/** The codes, and what they were made of. */
interface PlainCodes {
  /** [K, dim]. */
  readonly codebook: Float32Array;
  /** Only where codes are F Wᵀ + b: F [K, frozenCodebookDim], W [dim, frozenCodebookDim], b [dim], zeros without bias. */
  readonly linear?: { readonly frozen: Float32Array; readonly weight: Float32Array; readonly bias: Float32Array };
}

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
  const config = resolveCodes(WHERE, options);
  const { dim, codebookSize, dataFormat } = config;
  requireChannelsLast(WHERE, dataFormat);
  const codes = readState(config, options.codebookTransform ?? 'linear', state);

  return createCodec({
    where: WHERE,
    dim,
    codebookSize,
    numCodebooks: 1,
    encodeTokens: createCodeSearch(config, codes, kernels),
    decodeTokens: decodeRows(codes.codebook, dim),
  });
}

/** Checks the state and computes the codebook. */
function readState(
  { dim, codebookSize, frozenCodebookDim, transformBias }: SimVqCodeConfig,
  transform: unknown,
  state: Readonly<Record<string, PlainTensor>>,
): PlainCodes {
  const given = Object.keys(state ?? {}).sort();
  const hasCodebook = given.includes('codebook');
  requireInCodec(
    hasCodebook || transform === 'linear',
    WHERE,
    'codebookTransform',
    "'linear' unless the state is a codebook",
    transform,
    'Pass { codebook } instead: what decode gives for all indices.',
  );
  const weights = [...(transformBias ? ['code_transform.bias'] : []), 'code_transform.weight', 'frozen_codebook'];
  const keys = hasCodebook ? ['codebook'] : weights;
  requireOption(
    given.join() === keys.join(),
    WHERE,
    'state',
    `an object with exactly the keys ${show(keys)}`,
    given,
    FIX,
  );
  const read = (key: string, shape: readonly number[]): Float32Array => {
    const tensor = state[key] as PlainTensor;
    const { shape: given, data } = (tensor ?? {}) as Partial<PlainTensor>;
    const size = shape.reduce((product, length) => product * length, 1);
    if (show(given) === show(shape) && data?.length === size) return floatsOf(WHERE, key, tensor).slice();
    const wanted = `be { shape: ${show(shape)}, data: ${size} values }`;
    throw new ShapeError(WHERE, `state['${key}']`, wanted, { shape: given, data: data?.length }, FIX);
  };
  if (hasCodebook) return { codebook: read('codebook', [codebookSize, dim]) };

  const frozen = read('frozen_codebook', [codebookSize, frozenCodebookDim]);
  const weight = read('code_transform.weight', [dim, frozenCodebookDim]);
  const bias = transformBias ? read('code_transform.bias', [dim]) : new Float32Array(dim);
  const codebook = new Float32Array(codebookSize * dim);
  for (let k = 0; k < codebookSize; k++) {
    const row = frozen.subarray(k * frozenCodebookDim, (k + 1) * frozenCodebookDim);
    codebook.set(affine(row, weight, bias), k * dim);
  }
  return { codebook, linear: { frozen, weight, bias } };
}

/** W v + b in float64, W row by row. */
function affine(v: Float32Array | Float64Array, weight: Float32Array, bias: Float32Array): Float64Array {
  return Float64Array.from(bias, (sum, j) => {
    const row = j * v.length;
    for (let i = 0; i < v.length; i++) sum += (v[i] as number) * (weight[row + i] as number);
    return sum;
  });
}

/** The search of the codes; by scores as in search.ts, in float64, where they are wider than their frozen vectors. */
function createCodeSearch(
  { dim, frozenCodebookDim }: SimVqCodeConfig,
  { codebook, linear }: PlainCodes,
  kernels?: CodecKernels,
): RowEncoder {
  const space = linear && frozenCodebookDim < dim ? frozenSpace(codebook, linear, frozenCodebookDim, dim) : undefined;
  return createPlainSearch({ codes: codebook, dim, space }, kernels);
}

/** With keys κ = f - f̄ and the centre o = W f̄ + b: `argmax ⟨(x - o) W, κ⟩ - ½ |c - o|²`. */
function frozenSpace(
  codebook: Float32Array,
  { frozen, weight, bias }: NonNullable<PlainCodes['linear']>,
  width: number,
  dim: number,
): ScoredSpace {
  const count = frozen.length / width;
  const mean = new Float64Array(width);
  frozen.forEach((value, i) => {
    mean[i % width] = (mean[i % width] as number) + value / count;
  });
  const center = affine(mean, weight, bias);
  const keys = Float64Array.from(frozen, (value, i) => value - (mean[i % width] as number));
  const offsets = Float64Array.from(codebook, (value, i) => value - (center[i % dim] as number));
  const biases = new Float64Array(count);
  offsets.forEach((value, i) => {
    const k = Math.floor(i / dim);
    biases[k] = (biases[k] as number) - (value * value) / 2;
  });
  const moved = new Float64Array(dim);
  const norms = {
    weight: longest(weight, weight.length),
    key: longest(keys, width),
    frozen: longest(frozen, width),
    bias: longest(bias, dim),
    code: longest(offsets, dim),
    one: 1,
  };
  return {
    width,
    keys,
    biases,
    slack: linearSlack<number>(
      (a, b) => a + b,
      (a, b) => a * b,
      norms,
      width,
      dim,
      2 ** -53,
    ),
    setQuery: (input, token, queries, at) => {
      let squares = 0;
      for (let j = 0; j < dim; j++) {
        moved[j] = (input[token * dim + j] as number) - (center[j] as number);
        squares += (moved[j] as number) ** 2;
      }
      for (let i = 0; i < width; i++) {
        let sum = 0;
        for (let j = 0; j < dim; j++) sum += (moved[j] as number) * (weight[j * width + i] as number);
        queries[at + i] = sum;
      }
      return Math.sqrt(squares);
    },
  };
}

/** The length of the longest row. */
function longest(rows: Float32Array | Float64Array, width: number): number {
  let most = 0;
  let squares = 0;
  rows.forEach((value, i) => {
    squares = (i % width === 0 ? 0 : squares) + value * value;
    most = Math.max(most, squares);
  });
  return Math.sqrt(most);
}
