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
  /** Default 1e-3. */
  readonly learningRate?: number;
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
  const runs: KeptRun[] = [];
  for (const seed of context.seeds) {
    const settings = { ...settingsOf(data, cell, training), seed };
    runs.push(
      await context.part(`${data.name}: ${cell.name}, seed ${seed}`, settings, async (raw) => {
        const run = await trainOne(data, cell, training, seed, context.progress);
        raw(run);
        return keptRun(run, follow);
      }),
    );
  }
  return runs;
}

/**
 * Trains one cell with every seed, all in one part that keeps a few numbers of each: for grids of hundreds of trainings, whose results would fill
 * the repository.
 */
export function trainGridCell<T>(
  context: ExperimentContext,
  data: Data,
  cell: Cell,
  training: CellTraining,
  keep: (run: TrainingRun) => T,
): Promise<readonly T[]> {
  const { seeds, part, progress } = context;
  return part(`${data.name}: ${cell.name}`, { ...settingsOf(data, cell, training), seeds }, async (raw) => {
    const runs: TrainingRun[] = [];
    for (const seed of seeds) {
      runs.push(await trainOne(data, cell, training, seed, (share) => progress((runs.length + share) / seeds.length)));
    }
    raw(runs);
    return runs.map(keep);
  });
}

/** All that decides a cell's trainings, but for the seed. */
function settingsOf(data: Data, { quantizer, extraLoss, name: _, ...model }: Cell, training: CellTraining): object {
  return { source: data.name, quantizer, ...model, extraLoss: extraLoss?.name ?? null, ...training };
}

async function trainOne(
  data: Data,
  { quantizer, extraLoss, name: _, ...model }: Cell,
  training: CellTraining,
  seed: number,
  progress: (share: number) => void,
): Promise<TrainingRun> {
  return trainTokens({
    source: await data.open(),
    quantizer: (seedOfRun) => createQuantizerOf(quantizer, seedOfRun),
    ...model,
    ...(extraLoss === undefined ? {} : { extraLoss: extraLoss.of }),
    ...training,
    seed,
    progress,
  });
}

export function createQuantizerOf({ method, options }: QuantizerSpec, seed: number): Quantizer {
  return quantizerEntry(method).create({ ...options, seed });
}
