import { requireInteger, requireOption } from '@vqkit/core-tensor/check';
import type { Codec } from '@vqkit/core-tensor/codec';
import { DataError, phrase, ShapeError, show } from '@vqkit/core-tensor/errors';

/**
 * Several codebooks on plain typed arrays, without TensorFlow.js. Latents are flat and channels-last, [frames, dim]; each layer has ids of its
 * own, because a layer of stride s has one for every s frames.
 */
export interface StackCodec {
  /** Features per frame. */
  readonly dim: number;
  /** Number of codes of each layer. */
  readonly codebookSizes: readonly number[];
  /** Frames per id of each layer. */
  readonly strides: readonly number[];
  /** [frames, dim] → the ids of each layer, or of the first `layers`. */
  encode(latents: Float32Array, options?: { readonly layers?: number }): Int32Array[];
  /** The ids of all layers, or of the first ones → [frames, dim]. */
  decode(ids: readonly Int32Array[]): Float32Array;
}

/** x → W x + b of every frame: `weight` [rows, columns] row by row, `bias` [rows]. */
export interface Projection {
  readonly weight: Float32Array;
  readonly bias?: Float32Array | undefined;
}

/**
 * A codec of one quantizer as a stack: one layer for each of its codebooks.
 *
 * @example
 * const codec = createFsqCodec({ levels: [8, 5, 5, 5] });
 * layerOf(codec).encode(new Float32Array([0.3, -2, 5, 0])); // [ [ 565 ] ]
 */
export function layerOf({ dim, numCodebooks, codebookSize, encode, decode }: Codec): StackCodec {
  return createStack('layerOf', {
    dim,
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
    codebookSizes: inner.codebookSizes,
    strides: inner.strides,
    encode(latents, options) {
      requireFrames(`${where}().encode`, latents, dim, 1);
      return inner.encode(project(latents, into, dim, inner.dim), options);
    },
    decode: (ids) => project(inner.decode(ids), out, inner.dim, dim),
  };
}

interface Stack extends Pick<StackCodec, 'dim' | 'codebookSizes' | 'strides'> {
  encode(latents: Float32Array, layers: number): Int32Array[];
  decode(ids: readonly Int32Array[], frames: number): Float32Array;
}

/** Adds the checks of what a stack is given. */
function createStack(where: string, stack: Stack): StackCodec {
  const { dim, codebookSizes, strides } = stack;
  return {
    dim,
    codebookSizes,
    strides,
    encode(latents, { layers = strides.length } = {}) {
      requireInteger(`${where}().encode`, 'layers', layers, 1, strides.length);
      requireFrames(`${where}().encode`, latents, dim, strides.reduce(leastCommonMultiple, 1));
      return stack.encode(latents, layers);
    },
    decode(ids) {
      const call = `${where}().decode`;
      requireInteger(call, 'ids.length', ids.length, 1, strides.length);
      const frames = (ids[0]?.length ?? 0) * (strides[0] as number);
      for (const [layer, own] of ids.entries())
        requireIds(call, layer, own, codebookSizes[layer] as number, frames / (strides[layer] as number));
      return stack.decode(ids, frames);
    },
  };
}

function leastCommonMultiple(a: number, b: number): number {
  let multiple = a;
  while (multiple % b !== 0) multiple += a;
  return multiple;
}

function requireFrames(where: string, latents: unknown, dim: number, stride: number): void {
  requireOption(
    latents instanceof Float32Array,
    where,
    'latents',
    'a Float32Array',
    latents,
    'Make one with Float32Array.from(…).',
  );
  const { length } = latents as Float32Array;
  if (length % (dim * stride) === 0) return;
  const frames = stride === 1 ? '' : `, ${stride} frames`;
  throw new ShapeError(
    where,
    'latents.length',
    `be a multiple of ${dim * stride} (dim ${dim}${frames})`,
    length,
    'Pass whole frames, [frames, dim].',
  );
}

function requireIds(where: string, layer: number, ids: Int32Array, codebookSize: number, length: number): void {
  requireOption(
    ids instanceof Int32Array,
    where,
    `ids[${layer}]`,
    'an Int32Array',
    ids,
    'Make one with Int32Array.from(…).',
  );
  if (ids.length !== length) {
    throw new ShapeError(
      where,
      `ids[${layer}].length`,
      `be ${length}`,
      ids.length,
      'Pass layers of equally many frames.',
    );
  }
  const at = ids.findIndex((id) => id < 0 || id >= codebookSize);
  if (at < 0) return;
  throw new DataError(
    where,
    `ids[${layer}]`,
    `be ids from 0 to ${codebookSize - 1}`,
    phrase(`${show(ids[at])} at position ${at}`, ids[at]),
    'Pass the ids of this model.',
  );
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
