import { requireInteger, requireOption } from '@vqkit/core-tensor/check';
import type { Codec } from '@vqkit/core-tensor/codec';
import { createStack, leastCommonMultiple, type Projection, requireFrames, type StackCodec } from './stack-codec.ts';

export { createMultiScaleCodec } from './multi-scale-codec.ts';
export type { MultiScale, Phi, Projection, StackCodec, StackStructure } from './stack-codec.ts';

/**
 * A codec of one quantizer as a stack: one layer for each of its codebooks.
 *
 * @param quantizer what the codec was made of, for `structure`.
 * @example
 * const codec = createFsqCodec({ levels: [8, 5, 5, 5] });
 * layerOf(codec).encode(new Float32Array([0.3, -2, 5, 0])); // [ [ 565 ] ]
 */
export function layerOf({ dim, numCodebooks, codebookSize, encode, decode }: Codec, quantizer?: unknown): StackCodec {
  return createStack('layerOf', {
    dim,
    block: 1,
    structure: { kind: 'quantizer', quantizer },
    codebookSizes: Array.from({ length: numCodebooks }, () => codebookSize),
    strides: Array.from({ length: numCodebooks }, () => 1),
    encode(latents, layers) {
      const all = encode(latents);
      const frames = all.length / numCodebooks;
      return Array.from({ length: layers }, (_, layer) =>
        Int32Array.from({ length: frames }, (_, n) => all[n * numCodebooks + layer] as number),
      );
    },
    decode(ids) {
      requireOption(
        ids.length === numCodebooks,
        'layerOf().decode',
        'ids',
        `of ${numCodebooks} layers`,
        ids.length,
        'Pass all.',
      );
      const frames = ids[0]?.length ?? 0;
      return decode(
        Int32Array.from(
          { length: frames * numCodebooks },
          (_, i) => ids[i % numCodebooks]?.[Math.floor(i / numCodebooks)] ?? -1,
        ),
      );
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
        addTo(residual, layer.decode(found), dim, stride, -1);
        ids.push(...found);
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

/**
 * A stack between projections: latents are projected in, quantized, and projected out. Products are summed in float64 and rounded to float32 once, where
 * a library's float32 sums may put a latent that is nearly as near to another code there.
 *
 * @param into of [inner.dim, dim] and `out` of [dim, inner.dim].
 * @example
 * const inner = layerOf(createFsqCodec({ levels: [3] }));
 * const codec = createProjectedCodec(inner, { weight: Float32Array.of(1, -1) }, { weight: Float32Array.of(1, 0) });
 * codec.decode(codec.encode(new Float32Array([3, 1]))); // [ 1, 0 ]
 */
export function createProjectedCodec(inner: StackCodec, into: Projection, out: Projection): StackCodec {
  const where = 'createProjectedCodec';
  const dim = into.weight.length / inner.dim;
  const fits = Number.isInteger(dim) && out.weight.length === into.weight.length;
  requireOption(
    fits,
    where,
    'out.weight',
    `of ${into.weight.length} values, as into.weight`,
    out.weight.length,
    'Pass [dim, inner.dim].',
  );
  return {
    dim,
    block: inner.block,
    structure: { kind: 'projected', inner, into: only(into), out: only(out) },
    codebookSizes: inner.codebookSizes,
    strides: inner.strides,
    encode(latents, options) {
      requireFrames(`${where}().encode`, latents, dim, 1);
      return inner.encode(project(latents, into, dim, inner.dim), options);
    },
    decode: (ids) => project(inner.decode(ids), out, inner.dim, dim),
  };
}

/** A projection without what else its maker knows. */
function only({ weight, bias }: Projection): Projection {
  return { weight, bias };
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
    addTo(sum, layer.decode(own), dim, stride, 1);
    first += own.length;
  }
  return sum;
}

/** Adds rows, each of them `stride` times. */
function addTo(sum: Float32Array, rows: Float32Array, dim: number, stride: number, sign: number): void {
  for (let k = 0; k < sum.length; k++) {
    const row = Math.floor(k / (dim * stride));
    sum[k] = (sum[k] as number) + sign * (rows[row * dim + (k % dim)] as number);
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

function project(rows: Float32Array, { weight, bias }: Projection, columns: number, outputs: number): Float32Array {
  const frames = rows.length / columns;
  const output = new Float32Array(frames * outputs);
  for (let n = 0; n < frames; n++) {
    for (let j = 0; j < outputs; j++) {
      let sum = bias?.[j] ?? 0;
      const row = j * columns;
      for (let i = 0, x = n * columns; i < columns; i++, x++) sum += (weight[row + i] as number) * (rows[x] as number);
      output[n * outputs + j] = sum;
    }
  }
  return output;
}
