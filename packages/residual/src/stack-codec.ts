import { requireInteger, requireKnownOptions, requireOption } from '@vqkit/core-tensor/check';
import type { Projection } from '@vqkit/core-tensor/codec';
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
  /** Frames per id of each layer; of an image at several scales, its places per id, which need not be whole. */
  readonly strides: readonly number[];
  /** Latents come in whole blocks of so many frames, such as those of one id of the slowest layer. */
  readonly block: number;
  /** What it is made of. */
  readonly structure: StackStructure;
  /** [frames, dim] → the ids of each layer, or of the first `layers`. How many `frames` there are may be said, to be checked. */
  encode(latents: Float32Array, options?: { readonly layers?: number; readonly frames?: number }): Int32Array[];
  /** The ids of all layers, or of the first ones → [frames, dim]. */
  decode(ids: readonly Int32Array[]): Float32Array;
  /** Only where that is less work than `decode`: adds `sign` times what it gives to `sum`, bit for bit, and says whether it did. */
  addDecoded?(ids: readonly Int32Array[], sum: Float32Array, sign: number): boolean;
}

/** What a stack is made of: all that it takes to make it anew, on tensors for one. */
export type StackStructure =
  | { readonly kind: 'quantizer'; readonly quantizer: unknown }
  | { readonly kind: 'residual'; readonly layers: readonly StackCodec[]; readonly strides: readonly number[] }
  | { readonly kind: 'parallel'; readonly branches: readonly StackCodec[] }
  | { readonly kind: 'projected'; readonly inner: StackCodec; readonly into: Projection; readonly out: Projection }
  | ({ readonly kind: 'multiScale'; readonly inner: StackCodec } & MultiScale);

/** `(1 - ratio) h + ratio · conv(h)`, a convolution of 3 × 3: `weight` is [dim, dim, 3, 3], output channels first. */
export interface Phi extends Projection {
  readonly ratio: number;
}

/** The scales of an image, and how one becomes the next. */
export interface MultiScale {
  /** Height and width of each scale, coarsest first; the last is that of the latents. */
  readonly scales: readonly (readonly [height: number, width: number])[];
  /** How codes become as many as the latents. */
  readonly up: 'bicubic' | 'bilinear';
  /** What is done to them then, one for each scale. Default: nothing. */
  readonly phi?: readonly Phi[] | undefined;
}

/** A stack before its checks. */
export interface Stack extends Pick<StackCodec, 'dim' | 'codebookSizes' | 'strides' | 'block' | 'structure'> {
  encode(latents: Float32Array, layers: number): Int32Array[];
  decode(ids: readonly Int32Array[], frames: number): Float32Array;
}

/** Adds the checks of what a stack is given. */
export function createStack(where: string, stack: Stack): StackCodec {
  const { dim, codebookSizes, strides, block, structure } = stack;
  // Far more than any has, and few enough to be made from what a damaged file says.
  requireInteger(where, 'the number of layers', strides.length, 1, 1024);
  return {
    dim,
    block,
    structure,
    codebookSizes,
    strides,
    encode(latents, options = {}) {
      const call = `${where}().encode`;
      requireKnownOptions(call, options, ['layers', 'frames']);
      const { layers = strides.length, frames } = options;
      requireInteger(call, 'layers', layers, 1, strides.length);
      requireFrames(call, latents, dim, block, frames);
      return stack.encode(latents, layers);
    },
    decode(ids) {
      const call = `${where}().decode`;
      requireInteger(call, 'ids.length', ids?.length, 1, strides.length);
      const length = ids[0]?.length ?? 0;
      // Strides of scales are quotients, which rounding leaves a little beside the whole number.
      const frames = Math.round(length * (strides[0] as number));
      if (frames % block !== 0) {
        const rule = `a multiple of ${Math.round(block / (strides[0] as number))}`;
        throw new ShapeError(call, 'ids[0].length', `be ${rule}`, length, 'Pass whole blocks.');
      }
      for (const [layer, own] of ids.entries())
        requireIds(call, layer, own, codebookSizes[layer] as number, Math.round(frames / (strides[layer] as number)));
      return stack.decode(ids, frames);
    },
  };
}

export function leastCommonMultiple(a: number, b: number): number {
  let multiple = a;
  while (multiple % b !== 0) multiple += a;
  return multiple;
}

/** Whole blocks of `stride` frames, and as many frames as were said. */
export function requireFrames(where: string, latents: unknown, dim: number, stride: number, said?: number): void {
  requireOption(
    latents instanceof Float32Array,
    where,
    'latents',
    'a Float32Array',
    latents,
    'Make one with Float32Array.from(…).',
  );
  const { length } = latents as Float32Array;
  const isWhole = length % (dim * stride) === 0;
  if (isWhole && (said ?? length / dim) === length / dim) return;
  const frames = stride === 1 ? '' : `, ${stride} frames`;
  throw new ShapeError(
    where,
    'latents.length',
    isWhole ? `be ${said} frames of ${dim}` : `be a multiple of ${dim * stride} (dim ${dim}${frames})`,
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
