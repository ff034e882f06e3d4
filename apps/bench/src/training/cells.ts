import type { Scalar, Tensor2D } from '@tensorflow/tfjs-core';
import type { Quantizer } from '@vqkit/core-tensor';
import type { FsqOptions } from '@vqkit/fsq';
import type { LfqOptions } from '@vqkit/lfq';
import { quantizerEntry } from '@vqkit/quantizers';
import type { SimVqOptions } from '@vqkit/simvq';
import type { VqOptions } from '@vqkit/vq';
import type { Source } from '../data/source.ts';
import type { ExperimentContext } from '../experiment.ts';
import { type TrainingRun, trainTokens } from './train-tokens.ts';

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

/** Trains one cell with every seed, each a part of the experiment. */
export async function trainCell(
  context: ExperimentContext,
  source: Source,
  cell: Cell,
  training: CellTraining,
): Promise<TrainingRun[]> {
  const { quantizer, extraLoss, name, ...model } = cell;
  const runs: TrainingRun[] = [];
  for (const seed of context.seeds) {
    const settings = {
      source: source.name,
      quantizer,
      ...model,
      extraLoss: extraLoss?.name ?? null,
      ...training,
      seed,
    };
    runs.push(
      await context.part(`${source.name}: ${name}, seed ${seed}`, settings, () =>
        trainTokens({
          source,
          quantizer: (seedOfRun) => createQuantizerOf(quantizer, seedOfRun),
          ...model,
          ...(extraLoss === undefined ? {} : { extraLoss: extraLoss.of }),
          ...training,
          seed,
          progress: context.progress,
        }),
      ),
    );
  }
  return runs;
}

export function createQuantizerOf({ method, options }: QuantizerSpec, seed: number): Quantizer {
  return quantizerEntry(method).create({ ...options, seed });
}
