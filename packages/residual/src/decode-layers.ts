import {
  add,
  any,
  cast,
  fill,
  greater,
  logicalNot,
  notEqual,
  scalar,
  slice,
  stack,
  type Tensor1D,
  type Tensor2D,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { selectRows } from '@vqkit/core-tensor';
import type { Members } from './members.ts';
import { hasIndex, rowsOf } from './rows.ts';
import type { ScaledLayer } from './stack.ts';

/** From int32 rows [codebooks, N] of indices to codes, by each layer's own `decode`. */
export interface LayerDecoder {
  /** The codes of all layers, each [N, codeDim]: 0 where a layer was dropped, NaN in all of them where a token has no codes. */
  each(rows: Tensor2D): Tensor2D[];
  /** Their sum over the first `kept` layers, then `out`: 0 for padding, NaN for a token that has no codes. */
  sum(rows: Tensor2D, kept: number, out: (codes: Tensor2D) => Tensor2D): Tensor2D;
  /** A sum over the first `kept` layers as `sum` has it bit for bit: the zeros of layers that are missing make 0 of -0. */
  complete(sum: Tensor2D, kept: number): Tensor2D;
}

/** @param quantizeDropout whether a token may lack its last layers. */
export function createLayerDecoder(
  layers: readonly ScaledLayer[],
  members: Members,
  quantizeDropout: boolean,
): LayerDecoder {
  const codesOf = (rows: Tensor2D, j: number): Tensor2D => {
    const { layer, scale } = layers[j] as ScaledLayer;
    return scale.up(layer.decode(members.fromRows(rowsOf(rows, members, j), j)) as Tensor2D);
  };
  const first = (kept: number): number[] => Array.from({ length: kept }, (_, j) => j);
  /** bool [N]: a layer lacks an index and a later one has one, or, without dropout, some have one and some not. */
  const broken = (rows: Tensor2D, kept: number): Tensor1D => {
    const present = cast(stack(first(kept).map((j) => hasIndex(rowsOf(rows, members, j)))), 'int32');
    const before = slice(present, [0, 0], [kept - 1, -1]);
    const after = slice(present, [1, 0], [kept - 1, -1]);
    return any(quantizeDropout ? greater(after, before) : notEqual(after, before), 0);
  };
  const withoutBroken = (codes: Tensor2D, rows: Tensor2D, kept: number): Tensor2D =>
    kept === 1 ? codes : selectRows(broken(rows, kept), fill(codes.shape, Number.NaN), codes);
  const complete = (sum: Tensor2D, kept: number): Tensor2D => (kept === layers.length ? sum : add(sum, scalar(0)));

  return {
    each: (rows) => first(layers.length).map((j) => withoutBroken(codesOf(rows, j), rows, layers.length)),
    complete,
    sum(rows, kept, out) {
      const codes = first(kept).map((j) => codesOf(rows, j));
      const sum = codes.reduce((total, code) => add(total, code));
      const decoded = withoutBroken(out(complete(sum, kept)), rows, kept);
      const padding = logicalNot(hasIndex(slice(rows, [0, 0], [members.columns[kept] as number, -1])));
      return selectRows(padding, zerosLike(decoded), decoded);
    },
  };
}
