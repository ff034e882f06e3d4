import { requireInteger, requireOption } from '@vqkit/core-tensor/check';
import { type Codec, type CodecMethod, makeArray } from '@vqkit/core-tensor/codec';
import { createStack, leastCommonMultiple, type StackCodec } from './stack-codec.ts';

export type { Projection } from '@vqkit/core-tensor/codec';
export { createBilinearCodec, createMultiScaleCodec } from './multi-scale-codec.ts';
export { createProjectedCodec, project } from './projected-codec.ts';
export type { MultiScale, Phi, StackCodec, StackStructure } from './stack-codec.ts';

/**
 * A codec of one quantizer as a stack: one layer for each of its codebooks.
 *
 * @param quantizer what the codec was made of, for `structure`.
 * @example
 * const codec = createFsqCodec({ levels: [8, 5, 5, 5] });
 * layerOf(codec).encode(new Float32Array([0.3, -2, 5, 0])); // [ [ 565 ] ]
 */
export function layerOf({ encodeInto, decodeInto, ...sizes }: Codec, quantizer?: unknown): StackCodec {
  return layerOfMethod({ ...sizes, where: 'layerOf', encodeTokens: encodeInto, decodeTokens: decodeInto }, quantizer);
}

/**
 * The same of loops that have no checks of their own, for a stack has them too.
 *
 * @example
 * const codec = layerOfMethod(levelMethod({ levels: [8, 5, 5, 5], numCodebooks: 1, bound: 'reference', preserveSymmetry: false }));
 * codec.encode(new Float32Array([0.3, -2, 5, 0])); // [ [ 565 ] ]
 */
export function layerOfMethod(
  { dim, numCodebooks, codebookSize, encodeTokens, decodeTokens }: CodecMethod,
  quantizer?: unknown,
): StackCodec {
  return createStack('layerOf', {
    dim,
    block: 1,
    structure: { kind: 'quantizer', quantizer },
    codebookSizes: Array.from({ length: numCodebooks }, () => codebookSize),
    strides: Array.from({ length: numCodebooks }, () => 1),
    encode(latents, layers) {
      const frames = latents.length / dim;
      const all = makeArray('layerOf().encode', Int32Array, frames * numCodebooks);
      encodeTokens(latents, all, frames);
      if (numCodebooks === 1) return [all];
      return Array.from({ length: layers }, (_, layer) =>
        Int32Array.from({ length: frames }, (_, n) => all[n * numCodebooks + layer] as number),
      );
    },
    decode(ids, frames) {
      requireOption(
        ids.length === numCodebooks,
        'layerOf().decode',
        'ids',
        `of ${numCodebooks} layers`,
        ids.length,
        'Pass all.',
      );
      const output = makeArray('layerOf().decode', Float32Array, frames * dim);
      const all = Int32Array.from(
        { length: frames * numCodebooks },
        (_, i) => ids[i % numCodebooks]?.[Math.floor(i / numCodebooks)] ?? -1,
      );
      decodeTokens(all, output, frames);
      return output;
    },
  });
}

/**
 * Residual quantization: each layer quantizes what the ones before it left. A layer of stride s sees the means of s frames, and what it gives
 * is repeated s times (SNAC).
 *
 * @param layers stacks of equal `dim`, `strides` frames per id of each. Default: 1. Differences and sums are those of float32.
 * @example
 * const layer = layerOf(createVqCodec({ dim: 1, codebookSize: 2 }, { codebook: { shape: [2, 1], data: [0, 1] } }));
 * createResidualCodec([layer, layer], [2, 1]).encode(new Float32Array([0.9, 1.8])); // [ [ 1 ], [ 0, 1 ] ]
 */
export function createResidualCodec(
  layers: readonly StackCodec[],
  strides: readonly number[] = layers.map(() => 1),
): StackCodec {
  const where = 'createResidualCodec';
  const dim = requireSameDim(where, layers);
  requireOption(strides.length === layers.length, where, 'strides', 'one for each layer', strides, 'Pass as many.');
  for (const [i, stride] of strides.entries()) requireInteger(where, `strides[${i}]`, stride, 1);
  const members = layers.map((layer, i) => ({ layer, stride: strides[i] as number }));
  return createStack(where, {
    dim,
    block: members.map(({ layer, stride }) => layer.block * stride).reduce(leastCommonMultiple),
    structure: { kind: 'residual', layers, strides },
    codebookSizes: layers.flatMap(({ codebookSizes }) => codebookSizes),
    strides: members.flatMap(({ layer, stride }) => layer.strides.map((own) => own * stride)),
    encode(latents, most) {
      const residual = latents.slice();
      const ids: Int32Array[] = [];
      for (const { layer, stride } of members) {
        const left = most - ids.length;
        if (left === 0) break;
        const found = layer.encode(averaged(residual, dim, stride), { layers: Math.min(left, layer.strides.length) });
        ids.push(...found);
        // Nobody looks at what the last layer leaves.
        if (ids.length < most) addCodes({ layer, stride }, found, residual, -1);
      }
      return ids;
    },
    decode: (ids, frames) => sumOf(members, ids, dim, frames),
  });
}

/**
 * Branches that all quantize the same latents, and whose outputs are added (Mimi). The layers are those of the first branch, then those of the
 * next.
 *
 * @example
 * const half = layerOf(createVqCodec({ dim: 1, codebookSize: 2 }, { codebook: { shape: [2, 1], data: [0, 0.5] } }));
 * createParallelCodec([half, half]).decode([Int32Array.of(1), Int32Array.of(1)]); // [ 1 ]
 */
export function createParallelCodec(branches: readonly StackCodec[]): StackCodec {
  const where = 'createParallelCodec';
  const dim = requireSameDim(where, branches);
  const members = branches.map((layer) => ({ layer, stride: 1 }));
  return createStack(where, {
    dim,
    block: branches.map(({ block }) => block).reduce(leastCommonMultiple),
    structure: { kind: 'parallel', branches },
    codebookSizes: branches.flatMap(({ codebookSizes }) => codebookSizes),
    strides: branches.flatMap(({ strides }) => strides),
    encode(latents, most) {
      const ids: Int32Array[] = [];
      for (const branch of branches) {
        const layers = Math.min(most - ids.length, branch.strides.length);
        if (layers > 0) ids.push(...branch.encode(latents, { layers }));
      }
      return ids;
    },
    decode: (ids, frames) => sumOf(members, ids, dim, frames),
  });
}

function requireSameDim(where: string, layers: readonly StackCodec[]): number {
  const dim = layers[0]?.dim ?? 0;
  const agree = layers.length > 0 && layers.every((layer) => layer.dim === dim);
  requireOption(
    agree,
    where,
    'layers',
    'one or more of equal dim',
    layers.map((layer) => layer.dim),
    'Project the others.',
  );
  return dim;
}

function sumOf(
  members: readonly { layer: StackCodec; stride: number }[],
  ids: readonly Int32Array[],
  dim: number,
  frames: number,
): Float32Array {
  const sum = new Float32Array(frames * dim);
  let first = 0;
  for (const { layer, stride } of members) {
    const own = ids.slice(first, first + layer.strides.length);
    if (own.length === 0) break;
    addCodes({ layer, stride }, own, sum, 1);
    first += own.length;
  }
  return sum;
}

/** Adds what a member makes of its ids. */
function addCodes(
  { layer, stride }: { readonly layer: StackCodec; readonly stride: number },
  ids: readonly Int32Array[],
  sum: Float32Array,
  sign: number,
): void {
  if (stride === 1 && layer.addDecoded?.(ids, sum, sign) === true) return;
  addTo(sum, layer.decode(ids), layer.dim, stride, sign);
}

/** Adds rows, each of them `stride` times. */
function addTo(sum: Float32Array, rows: Float32Array, dim: number, stride: number, sign: number): void {
  for (let k = 0, row = 0; k < sum.length; row += dim) {
    for (let s = 0; s < stride; s++)
      for (let i = row; i < row + dim; i++, k++) sum[k] = (sum[k] as number) + sign * (rows[i] as number);
  }
}

/** The means of every `stride` rows. */
function averaged(rows: Float32Array, dim: number, stride: number): Float32Array {
  if (stride === 1) return rows;
  const means = new Float32Array(rows.length / stride);
  for (let k = 0; k < means.length; k++) {
    const first = Math.floor(k / dim) * dim * stride + (k % dim);
    let sum = 0;
    for (let s = 0; s < stride; s++) sum += rows[first + s * dim] as number;
    means[k] = sum / stride;
  }
  return means;
}
