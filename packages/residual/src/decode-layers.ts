import {
  add,
  any,
  cast,
  greater,
  logicalNot,
  mul,
  notEqual,
  type Scalar,
  scalar,
  slice,
  stack,
  sub,
  type Tensor2D,
  transpose,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { selectRows } from '@vqkit/core-tensor';
import type { Frame } from './frame.ts';
import type { FusedStack } from './fused.ts';
import type { Members } from './members.ts';
import { hasIndex, rowsOf } from './rows.ts';
import type { ScaledLayer } from './scales.ts';

/** From int32 indices [N, codebooks] to codes, by each layer's own `decode` or by a kernel for all. */
export interface LayerDecoder {
  /** The codes of all layers, each [N, codeDim]: 0 where a layer was dropped, NaN in all of them where a token has no codes. */
  each(indices: Tensor2D): Tensor2D[];
  /** Their sum over the first `kept` layers, outside the frame: 0 for padding, NaN for a token that has no codes. */
  sum(indices: Tensor2D, kept: number): Tensor2D;
  /** A sum over the first `kept` layers as `sum` has it bit for bit: the zeros of layers that are missing make 0 of -0. */
  complete(sum: Tensor2D, kept: number): Tensor2D;
}

/** @param quantizeDropout whether a token may lack its last layers. */
export function createLayerDecoder(
  layers: readonly ScaledLayer[],
  members: Members,
  frame: Frame,
  quantizeDropout: boolean,
  fused: FusedStack | undefined,
): LayerDecoder {
  const codesOf = (rows: Tensor2D, j: number): Tensor2D => {
    const { layer, scale } = layers[j] as ScaledLayer;
    return scale.up(layer.decode(members.fromRows(rowsOf(rows, members, j), j)) as Tensor2D);
  };
  const first = (kept: number): number[] => Array.from({ length: kept }, (_, j) => j);
  /** -2, which every layer makes NaN of, in all rows of a token that lacks an index where it must have one. */
  const marked = (rows: Tensor2D, kept: number): Tensor2D => {
    if (kept === 1) return rows;
    const present = cast(stack(first(kept).map((j) => hasIndex(rowsOf(rows, members, j)))), 'int32');
    const before = slice(present, [0, 0], [kept - 1, -1]);
    const after = slice(present, [1, 0], [kept - 1, -1]);
    const broken = cast(any(quantizeDropout ? greater(after, before) : notEqual(after, before), 0), 'int32');
    const int = (value: number): Scalar => scalar(value, 'int32');
    return sub(mul(rows, sub(int(1), broken)), mul(int(2), broken));
  };
  const complete = (sum: Tensor2D, kept: number): Tensor2D => (kept === layers.length ? sum : add(sum, scalar(0)));

  /** The first `kept` layers' sum for rows [codebooks, N]. */
  const layerByLayer = (rows: Tensor2D, kept: number): Tensor2D => {
    const own = marked(rows, kept);
    return first(kept)
      .map((j) => codesOf(own, j))
      .reduce((total, code) => add(total, code));
  };

  return {
    each(indices) {
      const own = marked(transpose(indices), layers.length);
      return first(layers.length).map((j) => codesOf(own, j));
    },
    complete,
    sum(indices, kept) {
      const columns = members.columns[kept] as number;
      const own = columns === indices.shape[1] ? indices : slice(indices, [0, 0], [-1, columns]);
      const sum = complete(fused?.decode(own, quantizeDropout) ?? layerByLayer(transpose(own), kept), kept);
      // Without projections padding is a sum of zeros already.
      if (frame.parameters.length === 0) return frame.out(sum);
      const decoded = frame.out(sum);
      const padding = logicalNot(hasIndex(transpose(own)));
      return selectRows(padding, zerosLike(decoded), decoded);
    },
  };
}
