import {
  div,
  mul,
  squaredDifference,
  stack,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  tanh,
  tensor1d,
  tidy,
  unstack,
} from '@tensorflow/tfjs-core';
import type { Quantizer } from '@vqkit/core-tensor';
import { comparesLatents, type TrackerReport } from '@vqkit/metrics';
import type { Residual } from '@vqkit/residual';
import type { LayerUse } from './report-data.ts';

/** Follows how the layers of a residual stack are used, and what each leaves over. */
export interface LayerMeter {
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
  const toCodes = toCodeSpace(quantizer);
  const totals = new Float64Array(layers.length + 1);
  return {
    squares: (latents, indices) =>
      tidy(() => {
        if (toCodes === undefined) return tensor1d(new Float32Array(totals.length));
        const z = toCodes(latents);
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
    report: ({ codebooks }) =>
      layers.map(({ codebookSize }, j) => {
        const { usedCodes = 0, perplexity = 0 } = codebooks[j] ?? {};
        const [energy = 0, left = 0] = [totals[0], totals[j + 1]];
        const error = toCodes === undefined || energy === 0 ? null : left / energy;
        return { codebookSize, used: usedCodes, utilization: usedCodes / codebookSize, perplexity, error };
      }),
  };
}

function isResidual(quantizer: Quantizer): quantizer is Residual {
  return 'layers' in quantizer;
}

/** Takes latents to where the codes of a stack are; undefined where that is not known: behind projections and normalisations. */
function toCodeSpace(quantizer: Residual): ((latents: Tensor) => Tensor) | undefined {
  if (comparesLatents(quantizer)) return (latents) => latents;
  const { kind, dim, layers, config } = quantizer;
  const { boundHardClamp, levels } = config as { boundHardClamp?: boolean; levels: readonly number[] };
  if (kind !== 'ResidualFSQ' || boundHardClamp !== true || dim !== layers[0]?.dim) return undefined;
  // FSQ quantizes v tanh(x / v), v = L/(L - 1).
  return (latents) => {
    const v = tensor1d(levels.map((count) => count / (count - 1)));
    return mul(tanh(div(latents, v)), v);
  };
}
