import type { Scalar, Tensor2D } from '@tensorflow/tfjs-core';
import type { Quantizer } from '@vqkit/core-tensor';
import type { FsqOptions } from '@vqkit/fsq';
import type { LfqOptions } from '@vqkit/lfq';
import { quantizerEntry } from '@vqkit/quantizers';
import type { SimVqOptions } from '@vqkit/simvq';
import type { VqOptions } from '@vqkit/vq';
import type { Data } from '../data/source.ts';
import type { ExperimentContext } from '../experiment.ts';
import { type KeptRun, keptRun, type Quantity } from './trace.ts';
import { trainTokens } from './train-tokens.ts';

/** A quantizer as plain data: the seed is the training's. */
export type QuantizerSpec =
  | { readonly method: 'lfq'; readonly options: LfqOptions }
  | { readonly method: 'fsq'; readonly options: FsqOptions }
  | { readonly method: 'simvq'; readonly options: SimVqOptions }
  | { readonly method: 'vq'; readonly options: VqOptions };

/** One row of an experiment's grid. But for `extraLoss` it is plain data, and a remembered part is recognised by it. */
export interface Cell {
  readonly name: string;
  readonly quantizer: QuantizerSpec;
  readonly latentNorm?: boolean;
  readonly latentScale?: number;
  readonly hidden?: number;
  /** Its name stands for it in the settings. */
  readonly extraLoss?: { readonly name: string; readonly of: (latents: Tensor2D) => Scalar };
}

export interface CellTraining {
  readonly steps: number;
  readonly batch: number;
  /** Follows the gradient of the quantizer's own loss in the latents. */
  readonly lossGradient?: boolean;
  /** Points of the trace. Default 12. */
  readonly points?: number;
}

/** Quantities that a page follows over the steps. */
export interface Followed {
  readonly follow?: readonly Quantity[];
}

/** Trains one cell with every seed, each a part of the experiment. */
export async function trainCell(
  context: ExperimentContext,
  data: Data,
  cell: Cell,
  training: CellTraining,
  { follow = [] }: Followed = {},
): Promise<KeptRun[]> {
  const { quantizer, extraLoss, name, ...model } = cell;
  const runs: KeptRun[] = [];
  for (const seed of context.seeds) {
    const settings = {
      source: data.name,
      quantizer,
      ...model,
      extraLoss: extraLoss?.name ?? null,
      ...training,
      seed,
    };
    runs.push(
      await context.part(`${data.name}: ${name}, seed ${seed}`, settings, async (raw) => {
        const run = await trainTokens({
          source: await data.open(),
          quantizer: (seedOfRun) => createQuantizerOf(quantizer, seedOfRun),
          ...model,
          ...(extraLoss === undefined ? {} : { extraLoss: extraLoss.of }),
          ...training,
          seed,
          progress: context.progress,
        });
        raw(run);
        return keptRun(run, follow);
      }),
    );
  }
  return runs;
}

export function createQuantizerOf({ method, options }: QuantizerSpec, seed: number): Quantizer {
  return quantizerEntry(method).create({ ...options, seed });
}
