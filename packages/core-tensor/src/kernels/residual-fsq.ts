import { add, mul, sub, type Tensor, type Tensor1D, type Tensor2D, tensor1d } from '@tensorflow/tfjs-core';
import type { FsqAttrs } from '../fsq-attrs.ts';
import { defineKernel, type Kernel } from '../kernel.ts';
import { columnsOf, sumOfLayers } from '../sum-of-layers.ts';
import { fsqDecode, fsqQuantize } from './fsq-quantize.ts';

/** What a stack of FSQ layers does, coarsest layer first. */
export interface ResidualFsqAttrs {
  /** What every layer is at scale 1. Its thresholds do not count. */
  readonly fsq: FsqAttrs;
  readonly layers: readonly {
    /** Of what the layer sees, per feature: level >= j exactly when r_i >= thresholds[i][j - 1], ascending float32. */
    readonly thresholds: readonly (readonly number[])[];
    /** s_i: float32, per feature. */
    readonly scales: readonly number[];
  }[];
}

/**
 * A residual stack of FSQ on N tokens with d features: [N, d] → the sum of the layers' codes [N, d] and int32 indices [N, Q].
 *
 * `r_0 = z`, `level_ji = #{t : r_ji >= t}` over the thresholds of layer j, `q_ji = ((level_ji - center_i)·step_i)·s_ji`,
 * `r_{j+1} = r_j - q_j`, `codes = Σ_j q_j`, `index_j = Σ_i level_ji·basis_i`: float32 after every operation, layer after layer, so that the
 * result is that of Q calls of {@link fsqQuantize} bit for bit. NaN is level 0.
 *
 * - Gradient: the stack counts as one rounding; that of the codes goes to z unchanged. Indices have none.
 *
 * @example
 * const fsq = { levels: [3], thresholds: [], centers: [1], steps: [1], shifts: [0], slopes: [1], hardClamp: true, basis: [1] };
 * const layers = [1, 1 / 3].map((s) => ({ thresholds: [[-0.5 * s, 0.5 * s]], scales: [s] }));
 * const [codes, indices] = residualFsq({ z: tf.tensor2d([[0.7]]) }, { fsq, layers }); // [[0.667]] and [[2, 0]]
 */
export const residualFsq: Kernel<{ z: Tensor2D }, ResidualFsqAttrs, [codes: Tensor2D, indices: Tensor2D]> =
  defineKernel({
    name: 'ResidualFsq',
    reference: ({ z }, { fsq, layers }) => {
      const rows: Tensor1D[] = [];
      let residual = z;
      let total: Tensor2D | undefined;
      for (const { thresholds, scales } of layers) {
        const [codes, indices] = fsqQuantize({ z: residual }, { ...fsq, thresholds });
        const scaled: Tensor2D = mul(codes, tensor1d([...scales]));
        rows.push(indices);
        total = total === undefined ? scaled : add(total, scaled);
        if (rows.length < layers.length) residual = sub(residual, scaled);
      }
      return [total as Tensor2D, columnsOf(rows)];
    },
    onlyFirstHasGradient: true,
    gradient: ([dCodes]) => ({ z: () => (dCodes as Tensor).clone() }),
  });

type DecodeAttrs = ResidualFsqAttrs & { readonly dropout: boolean };

const ResidualFsqDecode: Kernel<{ indices: Tensor2D }, DecodeAttrs, [codes: Tensor2D]> = defineKernel({
  name: 'ResidualFsqDecode',
  reference: ({ indices }, { fsq, layers, dropout }) => {
    const size = fsq.levels.reduce((product, level) => product * level, 1);
    return [
      sumOfLayers(indices, { sizes: layers.map(() => size), dropout }, (row, j) =>
        mul(fsqDecode(row, fsq), tensor1d([...(layers[j]?.scales ?? [])])),
      ),
    ];
  },
});

/**
 * The codes of int32 indices, the inverse of {@link residualFsq}: [N, Q] → [N, d], the same bits. Any values: a layer of index -1 adds
 * nothing, and what is no token (see `sumOfLayers`) gives NaN. No gradient.
 *
 * @param dropout whether a token may lack its last layers; otherwise -1 stands in all of them or in none.
 */
export function residualFsqDecode(indices: Tensor2D, attrs: ResidualFsqAttrs, dropout: boolean): Tensor2D {
  return ResidualFsqDecode({ indices }, { ...attrs, dropout })[0];
}
