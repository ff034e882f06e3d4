import {
  type Codec,
  type CodecExtras,
  type CodecKernels,
  type CodecMethod,
  createCodec,
  requireChannelsLast,
  requireInCodec,
} from '@vqkit/core-tensor/codec';
import { bitsOf, type LfqCodeConfig, type LfqOptions, resolveCodes } from './options.ts';

export type { Codec, CodecExtras } from '@vqkit/core-tensor/codec';
export type { LfqOptions } from './options.ts';

const WHERE = 'createLfqCodec';

/**
 * LFQ and BSQ on plain typed arrays, without TensorFlow.js: the ids of `createLfq(options).encode` and the values of its `decode`,
 * bit for bit. Tokens are [N, dim], indices [N, numCodebooks], both flat.
 *
 * `code_i = s where x_i > 0, else -s`, `index = Σ_i [x_i > 0] · 2^(d-1-i)` (feature 0 is the MOST significant bit, with
 * `bitOrder: 'lsbFirst'` the LEAST), with s / √d in place of s when `spherical`. 0, -0 and NaN give bit 0.
 *
 * @param options those of `createLfq`, or the `config` of a quantizer; what concerns training changes nothing and is not checked.
 * @param extras `kernels` from `loadKernels` of @vqkit/backend-wasm/codec encode with SIMD, the same ids.
 * @throws OptionError when an option breaks its rule; UnsupportedError for projections and the rotation, because a matrix product in
 * another order can change a sign, and for channels-first data.
 * @example
 * const codec = createLfqCodec({ codebookSize: 16 });
 * const ids = codec.encode(new Float32Array([0.3, -2, 5, 0])); // [ 10 ]
 * const codes = codec.decode(ids); // [ 1, -1, 1, -1 ]
 */
export function createLfqCodec(options: LfqOptions, { kernels }: CodecExtras = {}): Codec {
  const config = resolveCodes(WHERE, options);
  requireCodable(config);
  const { numCodebooks, codebookScale, spherical, softClampInputValue, bitOrder } = config;
  const bits = bitsOf(config);
  const scale = spherical ? codebookScale / Math.sqrt(bits) : codebookScale;
  // The soft clamp v tanh(x / v) keeps the sign, except that in float32 x / v is 0 up to half the smallest number above 0.
  const floor = softClampInputValue === null ? 0 : Math.fround(softClampInputValue) * 2 ** -150;
  return createCodec(signMethod({ bits, numCodebooks, scale, floor, lsbFirst: bitOrder === 'lsbFirst' }, kernels));
}

/** What the signs of LFQ and BSQ mean. */
export interface Signs {
  /** Of one id, 1 to 30. */
  readonly bits: number;
  readonly numCodebooks: number;
  /** A code's features are ± scale. */
  readonly scale: number;
  /** What a feature must be above. Default 0. */
  readonly floor?: number;
  /** Whether the first feature is the least significant bit. Default false. */
  readonly lsbFirst?: boolean;
}

/**
 * The loops of {@link createLfqCodec}, without its checks: for callers that have checked.
 *
 * @example
 * const codec = createCodec(signMethod({ bits: 4, numCodebooks: 1, scale: 1 }));
 * codec.encode(new Float32Array([0.3, -2, 5, 0])); // [ 10 ]
 */
export function signMethod(
  { bits, numCodebooks, scale, floor = 0, lsbFirst = false }: Signs,
  kernels?: CodecKernels,
): CodecMethod {
  // The kernel compares with 0: the same unless a number above 0 is not above the floor.
  const encodeRows = floor < 2 ** -149 ? kernels?.signEncoder(bits) : undefined;

  return {
    where: WHERE,
    dim: bits * numCodebooks,
    codebookSize: 2 ** bits,
    numCodebooks,

    encodeTokens(input, indices, tokens) {
      const rows = tokens * numCodebooks;
      if (encodeRows !== undefined) encodeRows(input, indices, rows);
      else {
        for (let row = 0, k = 0; row < rows; row++) {
          let index = 0;
          for (const end = k + bits; k < end; k++) index = (index << 1) | Number((input[k] as number) > floor);
          indices[row] = index;
        }
      }
      if (lsbFirst) for (let row = 0; row < rows; row++) indices[row] = reversedBits(indices[row] as number, bits);
    },

    decodeTokens(indices, output, tokens) {
      const rows = tokens * numCodebooks;
      for (let row = 0, k = 0; row < rows; row++) {
        const given = indices[row] as number;
        const index = lsbFirst ? reversedBits(given, bits) : given;
        for (let bit = bits - 1; bit >= 0; bit--, k++) output[k] = (2 * ((index >> bit) & 1) - 1) * scale;
      }
    },
  };
}

/** The lowest `bits` bits in reverse order, of an index below 2^bits. */
function reversedBits(index: number, bits: number): number {
  const pairs = swapped(swapped(index, 1, 0x55555555), 2, 0x33333333);
  return swapped(swapped(swapped(pairs, 4, 0x0f0f0f0f), 8, 0x00ff00ff), 16, 0xffff) >>> (32 - bits);
}

function swapped(x: number, by: number, mask: number): number {
  return ((x >>> by) & mask) | ((x & mask) << by);
}

function requireCodable(config: LfqCodeConfig): void {
  const { hasProjections, orthogonalRotation, dataFormat, dim } = config;
  const inner = bitsOf(config) * config.numCodebooks;
  requireInCodec(dim === inner, WHERE, 'dim', `${inner}: a codec has no projections`, dim, 'Apply them outside.');
  requireInCodec(!hasProjections, WHERE, 'hasProjections', 'false', true, 'Apply the projections outside.');
  requireInCodec(!orthogonalRotation, WHERE, 'orthogonalRotation', 'false', true, 'Apply the rotation outside.');
  requireChannelsLast(WHERE, dataFormat);
}
