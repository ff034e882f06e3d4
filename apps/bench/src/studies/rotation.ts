import type { SimVqOptions } from '@vqkit/simvq';
import type { Data } from '../data/source.ts';
import type { Experiment, ExperimentContext } from '../experiment.ts';
import { type Cell, trainCell } from '../training/cells.ts';
import { type Corner, nameOf, outcomeOf, type Row } from './rotation-outcome.ts';

/** The grid of the second question on one kind of data. */
export interface RotationGrid {
  readonly name: string;
  /** As the question says it, such as `on speech`. */
  readonly where: string;
  /** A sentence about the data. */
  readonly data: string;
  readonly codebookSize: number;
  readonly steps: number;
  /** Points of the traces. Default 12. */
  readonly points?: number;
  source(context: ExperimentContext): Promise<Data>;
}

const DIM = 32;
const BATCH = 512;
const QUICK = { steps: 30, points: 3 };
const FOLLOW = ['commitment', 'relativeCommitment', 'norm', 'angle', 'obtuseShare', 'encoderGradient'] as const;
const CORNERS: readonly Corner[] = [1, 1000].flatMap((weight) =>
  [false, true].flatMap((mlp) =>
    [true, false].flatMap((rotation) => [true, false].map((both) => ({ rotation, both, mlp, weight }))),
  ),
);

/**
 * SimVQ with the rotation trick or straight-through, with both terms of its loss or the codebook's alone, with a linear or a two-layer
 * transform, at weight 1 and 1,000: 16 trainings per seed.
 */
export function rotationExperiment(grid: RotationGrid): Experiment {
  const { name, where, codebookSize, steps, points } = grid;
  return {
    name,
    question: `SimVQ's commitment loss grows when the rotation trick is on: is the trick to blame? (${where})`,
    method: [
      `${grid.data} SimVQ of dim ${DIM} with K = ${codebookSize} (${Math.log2(codebookSize)} bits per token) inside an autoencoder of tokens`,
      `with a hidden layer of 128 on each side; mean squared error + SimVQ's loss w (mse(sg z, q) + β mse(z, sg q)), AdamW 1e-3, ${BATCH}`,
      `tokens a step, ${steps} steps. Every combination of: gradient by the rotation trick or straight-through; both terms (β = 0.25) or`,
      'the codebook term only (β = 0, half of the loss missing, as in vector-quantize-pytorch 1.20.1 to 1.20.10 with the trick on); transform Linear or',
      'Linear-ReLU-Linear (128 hidden); w = 1 or 1,000. |z|, mse(z, q) and the angle between z and q are of test tokens; mse(z, q) is the',
      'commitment loss without its weight, and relative to Var(z) it does not depend on the scale of the latents. Whether one mse(z, q) is higher is judged by the logarithms of the seeds.',
    ].join(' '),
    expected:
      'Without the β term nothing pulls z to its code: |z| and the commitment loss grow, with the rotation trick and still more without it. With both terms the rotation trick gives a lower commitment loss than straight-through, raw and relative to Var(z). A weight of 1,000 keeps z at its codes only where the β term is on.',
    parts: ({ seeds }) => CORNERS.length * seeds.length,
    async run(context) {
      const source = await grid.source(context);
      const traced = points === undefined ? {} : { points };
      const training = context.quick ? { ...QUICK, batch: BATCH } : { steps, batch: BATCH, ...traced };
      const rows: Row[] = [];
      for (const corner of CORNERS) {
        const runs = await trainCell(context, source, cellOf(corner, codebookSize), training, { follow: FOLLOW });
        rows.push({ corner, runs });
      }
      return outcomeOf(rows, training.steps, source.range !== undefined);
    },
  };
}

function cellOf(corner: Corner, codebookSize: number): Cell {
  const { rotation, both, mlp, weight } = corner;
  const options: SimVqOptions = {
    dim: DIM,
    codebookSize,
    rotationTrick: rotation,
    commitmentWeight: weight,
    inputToQuantizeCommitLossWeight: both ? 0.25 : 0,
    codebookTransform: mlp ? { hidden: [128], activation: 'relu' } : 'linear',
  };
  return { name: nameOf(corner), quantizer: { method: 'simvq', options } };
}
