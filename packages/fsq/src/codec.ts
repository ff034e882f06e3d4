import {
  type Codec,
  type CodecExtras,
  type CodecKernels,
  type CodecMethod,
  createCodec,
  requireChannelsLast,
  requireInCodec,
} from '@vqkit/core-tensor/codec';
import { type FsqQuantizer, fsqAttrs } from './levels.ts';
import { type FsqConfig, type FsqOptions, resolveOptions } from './options.ts';

export type { Codec, CodecExtras } from '@vqkit/core-tensor/codec';
export type { FsqOptions } from './options.ts';

const WHERE = 'createFsqCodec';

/** The kernel compares with every threshold, the plain loop by halves: from some 500 levels on it is faster. */
const MOST_COMPARED = 256;

/**
 * FSQ on plain typed arrays, without TensorFlow.js: the ids of `createFsq(options).encode` and the values of its `decode`, bit for
 * bit. Tokens are [N, dim], indices [N, numCodebooks], both flat.
 *
 * `level_i = #{j : z_i >= threshold_ij}`, `index = Σ_i level_i · Π_{j<i} L_j` (feature 0 is the LEAST significant digit),
 * `code_i = (level_i - center_i)·step_i`. A threshold belongs to the upper level; NaN gives level 0.
 *
 * @param options those of `createFsq`, or the `config` of a quantizer; what concerns training changes nothing.
 * @param extras `kernels` from `loadKernels` of @vqkit/backend-wasm/codec encode with SIMD, the same ids.
 * @throws OptionError when an option breaks its rule; UnsupportedError for projections and the rotation, because a matrix product in
 * another order can move a value over a threshold, and for channels-first data.
 * @example
 * const codec = createFsqCodec({ levels: [8, 5, 5, 5] });
 * const ids = codec.encode(new Float32Array([0.3, -2, 5, 0])); // [ 565 ]
 * const codes = codec.decode(ids); // [ 0.25, -1, 1, 0 ]
 */
export function createFsqCodec(options: FsqOptions, { kernels }: CodecExtras = {}): Codec {
  const config = resolveOptions(WHERE, options);
  requireCodable(config);
  return createCodec(levelMethod(config, kernels));
}

/**
 * The loops of {@link createFsqCodec}, without its checks: for callers that have checked.
 *
 * @param levels of one id, whose product is below 2^31.
 * @example
 * const codec = createCodec(levelMethod({ levels: [8, 5, 5, 5], numCodebooks: 1, bound: 'reference', preserveSymmetry: false }));
 * codec.encode(new Float32Array([0.3, -2, 5, 0])); // [ 565 ]
 */
export function levelMethod(
  { levels, numCodebooks, ...quantizer }: FsqQuantizer & Pick<FsqConfig, 'levels' | 'numCodebooks'>,
  kernels?: CodecKernels,
): CodecMethod {
  const attrs = fsqAttrs(levels, quantizer);
  const encodeRows = Math.max(...levels) <= MOST_COMPARED ? kernels?.fsqEncoder(attrs) : undefined;
  const { thresholds, centers, steps, basis } = attrs;
  const { tables, starts, halves } = searchTables(thresholds);
  const codeDim = levels.length;

  return {
    where: WHERE,
    dim: codeDim * numCodebooks,
    codebookSize: levels.reduce((product, level) => product * level, 1),
    numCodebooks,

    encodeTokens(input, indices, tokens) {
      const rows = tokens * numCodebooks;
      if (encodeRows !== undefined) return encodeRows(input, indices, rows);
      for (let row = 0, k = 0; row < rows; row++) {
        let index = 0;
        for (let i = 0; i < codeDim; i++, k++) {
          const z = input[k] as number;
          const start = starts[i] as number;
          let at = start;
          // Without a branch: latents are as unpredictable as numbers can be.
          for (let step = halves[i] as number; step > 0; step >>= 1) {
            at += Math.imul(step, Number(z >= (tables[at + step] as number)));
          }
          index += Math.imul(at - start, basis[i] as number);
        }
        indices[row] = index;
      }
    },

    decodeTokens(indices, output, tokens) {
      const rows = tokens * numCodebooks;
      for (let row = 0, k = 0; row < rows; row++) {
        let rest = indices[row] as number;
        for (let i = 0; i < codeDim; i++, k++) {
          const count = levels[i] as number;
          const above = (rest / count) | 0;
          output[k] = (rest - above * count - (centers[i] as number)) * (steps[i] as number);
          rest = above;
        }
      }
    },
  };
}

function requireCodable({ levels, dim, numCodebooks, orthogonalRotation, dataFormat }: FsqConfig): void {
  const inner = levels.length * numCodebooks;
  requireInCodec(dim === inner, WHERE, 'dim', `${inner}: a codec has no projections`, dim, 'Apply them outside.');
  requireInCodec(!orthogonalRotation, WHERE, 'orthogonalRotation', 'false', true, 'Apply the rotation outside.');
  requireChannelsLast(WHERE, dataFormat);
}

/**
 * The thresholds for a search by halves: feature i has `tables[starts[i] + j]` for its level j, its first step is `halves[i]`. NaN
 * stands where a power of two has more places than there are levels, because nothing reaches NaN.
 */
function searchTables(thresholds: readonly (readonly number[])[]): {
  tables: Float32Array;
  starts: Int32Array;
  halves: Int32Array;
} {
  const halves = Int32Array.from(thresholds, ({ length }) => 2 ** Math.floor(Math.log2(length)));
  const starts = new Int32Array(halves.length);
  let size = 0;
  halves.forEach((half, i) => {
    starts[i] = size;
    size += 2 * half;
  });
  const tables = new Float32Array(size).fill(Number.NaN);
  thresholds.forEach((own, i) => {
    tables.set(own, (starts[i] as number) + 1);
  });
  return { tables, starts, halves };
}
