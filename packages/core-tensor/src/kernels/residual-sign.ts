import { add, sub, type Tensor, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core';
import { defineKernel, type Kernel } from '../kernel.ts';
import { columnsOf, sumOfLayers } from '../sum-of-layers.ts';
import { signCodes, signQuantize } from './sign-quantize.ts';

export interface ResidualSignAttrs {
  /** Magnitude s_j of every element of a code of layer j, coarsest layer first. */
  readonly scales: readonly number[];
}

/**
 * A residual stack of LFQ on N tokens with d <= 31 features: [N, d] → the sum of the layers' codes [N, d] and int32 indices [N, Q].
 *
 * `r_0 = x`, `q_ji = s_j where r_ji > 0, else -s_j`, `r_{j+1} = r_j - q_j`, `codes = Σ_j q_j`,
 * `index_j = Σ_i [r_ji > 0] · 2^(d-1-i)`: float32 after every operation, layer after layer, so that the result is that of Q calls of
 * {@link signQuantize} bit for bit.
 *
 * - Gradient: the stack counts as one rounding; that of the codes goes to x unchanged. Indices have none.
 *
 * @example
 * const [codes, indices] = residualSign({ x: tf.tensor2d([[0.7, -0.2]]) }, { scales: [1, 0.5] }); // [[0.5, -0.5]] and [[2, 1]]
 */
export const residualSign: Kernel<{ x: Tensor2D }, ResidualSignAttrs, [codes: Tensor2D, indices: Tensor2D]> =
  defineKernel({
    name: 'ResidualSign',
    reference: ({ x }, { scales }) => {
      const rows: Tensor1D[] = [];
      let residual = x;
      let total: Tensor2D | undefined;
      for (const scale of scales) {
        const [codes, indices] = signQuantize({ x: residual }, { scale });
        rows.push(indices);
        total = total === undefined ? codes : add(total, codes);
        if (rows.length < scales.length) residual = sub(residual, codes);
      }
      return [total as Tensor2D, columnsOf(rows)];
    },
    onlyFirstHasGradient: true,
    gradient: ([dCodes]) => ({ x: () => (dCodes as Tensor).clone() }),
  });

type DecodeAttrs = ResidualSignAttrs & { readonly dim: number; readonly dropout: boolean };

const ResidualSignDecode: Kernel<{ indices: Tensor2D }, DecodeAttrs, [codes: Tensor2D]> = defineKernel({
  name: 'ResidualSignDecode',
  reference: ({ indices }, { scales, dim, dropout }) => [
    sumOfLayers(indices, { sizes: scales.map(() => 2 ** dim), dropout }, (row, j) =>
      signCodes(row, dim, { scale: scales[j] as number }),
    ),
  ],
});

/**
 * The codes of int32 indices, the inverse of {@link residualSign}: [N, Q] → [N, dim], the same bits, dim <= 30. Any values: a layer of
 * index -1 adds nothing, and what is no token (see `sumOfLayers`) gives NaN. No gradient.
 *
 * @param dropout whether a token may lack its last layers; otherwise -1 stands in all of them or in none.
 */
export function residualSignDecode(
  indices: Tensor2D,
  dim: number,
  { scales }: ResidualSignAttrs,
  dropout: boolean,
): Tensor2D {
  return ResidualSignDecode({ indices }, { scales, dim, dropout })[0];
}
