import {
  mul,
  squaredDifference,
  stack,
  sub,
  type Tensor,
  type Tensor1D,
  tensor1d,
  tidy,
  unstack,
} from '@tensorflow/tfjs-core';
import { type Quantizer, sameSpace, sum } from '@vqkit/core-tensor';
import type { TrackerReport } from '@vqkit/metrics';
import type { Residual } from '@vqkit/residual';
import type { LayerUse } from './records.ts';

/** Follows how the layers of a residual stack are used, and what each leaves over. */
export interface LayerMeter {
  /** Of each layer. */
  readonly codebookSizes: readonly number[];
  /** Σ of squares over a batch: of the latents, then of what is left of them after each layer, [Q + 1]. */
  squares(latents: Tensor, indices: Tensor): Tensor1D;
  /** Counts what {@link squares} gave. */
  add(squares: ArrayLike<number>): void;
  report(tracker: TrackerReport): LayerUse[];
}

/** Undefined for a quantizer without layers, or with layers of several codebooks. */
export function createLayerMeter(quantizer: Quantizer): LayerMeter | undefined {
  if (!isResidual(quantizer) || quantizer.layers.length !== quantizer.numCodebooks) return undefined;
  const { layers } = quantizer;
  const { toCodeSpace } = quantizer;
  const totals = new Float64Array(layers.length + 1);
  return {
    codebookSizes: layers.map(({ codebookSize }) => codebookSize),
    squares: (latents, indices) =>
      tidy(() => {
        if (toCodeSpace === undefined) return tensor1d(new Float32Array(totals.length));
        const z = toCodeSpace(latents);
        let left = z;
        const squares = [sum(mul(z, z))];
        for (const codes of unstack(quantizer.decodeLayers(indices))) {
          squares.push(sum(squaredDifference(left, codes)));
          left = sub(left, codes);
        }
        return stack(squares) as Tensor1D;
      }),
    add(squares) {
      for (let j = 0; j < totals.length; j++) totals[j] = (totals[j] as number) + (squares[j] as number);
    },
    report: ({ codebooks, latents, tokens }) =>
      layers.map(({ codebookSize }, j) => {
        const { usedCodes = 0, perplexity = 0 } = codebooks[j] ?? {};
        const [energy = 0, left = 0] = [totals[0], totals[j + 1]];
        const error = toCodeSpace === undefined || energy === 0 ? null : left / energy;
        const spread = toCodeSpace === sameSpace ? tokens * quantizer.dim * (latents?.variance ?? 0) : 0;
        const depth = spread > 0 ? { errorOfVariance: left / spread } : {};
        return { codebookSize, used: usedCodes, utilization: usedCodes / codebookSize, perplexity, error, ...depth };
      }),
  };
}

function isResidual(quantizer: Quantizer): quantizer is Residual {
  return 'layers' in quantizer;
}
