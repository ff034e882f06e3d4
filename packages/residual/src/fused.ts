import type { Tensor2D } from '@tensorflow/tfjs-core';
import {
  type FsqAttrs,
  gatherSum,
  residualFsq,
  residualFsqDecode,
  residualSign,
  residualSignDecode,
  reverseBits,
} from '@vqkit/core-tensor';
import type { BitOrder } from '@vqkit/lfq';
import type { ScaledLayer } from './scales.ts';

/** All layers of a stack by one kernel, where that is the same mathematics as layer by layer: the same values, bit for bit. */
export interface FusedStack {
  /**
   * The first `kept` layers on [N, codeDim]: the sum of their codes, whose gradient goes to x unchanged, and int32 [N, kept]. Left out
   * where only decoding is fused.
   */
  quantize?(x: Tensor2D, kept: number): [codes: Tensor2D, indices: Tensor2D];
  /** Whether that is all of a training step too: no losses and no noise. Default false. */
  readonly trains?: boolean;
  /**
   * int32 [N, kept], any values → the sum of the codes of as many layers, a constant to gradients: 0 where a layer was dropped, NaN in all
   * of what is no token.
   */
  decode(indices: Tensor2D, quantizeDropout: boolean): Tensor2D;
}

/** Layers that copy their codes from a table: only to decode, because each search needs what the one before it has left over. */
export function fusedCodebooks(layers: readonly ScaledLayer[]): FusedStack | undefined {
  if (!layers.every(({ layer, scale }) => layer.codebook && scale.isOne)) return undefined;
  return {
    decode(indices, quantizeDropout) {
      const kept = layers.slice(0, indices.shape[1]);
      return gatherSum(
        kept.map(({ layer }) => layer.codebook?.() as Tensor2D),
        indices,
        quantizeDropout,
      );
    },
  };
}

/**
 * @param dim features, and bits of an index.
 * @param scales of each layer: the magnitude of a code's elements.
 * @param bitOrder of the indices; the kernels have the most significant bit first.
 */
export function fusedSign(dim: number, scales: readonly number[], bitOrder: BitOrder): FusedStack {
  const ordered = (indices: Tensor2D): Tensor2D => (bitOrder === 'msbFirst' ? indices : reverseBits(indices, dim));
  return {
    quantize: (x, kept) => {
      const [codes, indices] = residualSign({ x }, { scales: scales.slice(0, kept) });
      return [codes, ordered(indices)];
    },
    decode: (indices, quantizeDropout) =>
      residualSignDecode(ordered(indices), dim, { scales: scales.slice(0, indices.shape[1]) }, quantizeDropout),
  };
}

/**
 * @param fsq a layer at scale 1.
 * @param scales of each layer and feature.
 * @param trains see {@link FusedStack}.
 */
export function fusedFsq(fsq: FsqAttrs, scales: readonly (readonly number[])[], trains: boolean): FusedStack {
  const layers = scales.map((own) => {
    const rounded = own.map(Math.fround);
    const thresholds = fsq.thresholds.map((each, i) => each.map((t) => scaledThreshold(t, rounded[i] as number)));
    return { scales: rounded, thresholds };
  });
  const first = (kept: number): { fsq: FsqAttrs; layers: typeof layers } => ({ fsq, layers: layers.slice(0, kept) });
  return {
    trains,
    quantize: (z, kept) => residualFsq({ z }, first(kept)),
    decode: (indices, quantizeDropout) => residualFsqDecode(indices, first(indices.shape[1]), quantizeDropout),
  };
}

/** The smallest float32 r whose quotient r / s, rounded to float32, is at least t: to compare with it takes no division. */
export function scaledThreshold(t: number, s: number): number {
  const reaches = (r: number): boolean => Math.fround(r / s) >= t;
  let r = Math.fround(t * s);
  while (reaches(neighbour(r, -1))) r = neighbour(r, -1);
  while (!reaches(r)) r = neighbour(r, 1);
  return r;
}

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** The next float32 above (1) or below (-1) a finite one. */
function neighbour(x: number, direction: 1 | -1): number {
  if (x === 0) return direction * 2 ** -149;
  float[0] = x;
  bits[0] = (bits[0] as number) + (x > 0 ? direction : -direction);
  return float[0];
}
