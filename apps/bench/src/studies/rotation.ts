import type { SimVqOptions } from '@vqkit/simvq';
import type { Data } from '../data/source.ts';
import type { Experiment, ExperimentContext, Outcome, Plot, Table, Verdict } from '../experiment.ts';
import { numberText } from '../markdown.ts';
import { differenceOf, inAll, isLower } from '../seeds.ts';
import { type Cell, trainCell } from '../training/cells.ts';
import {
  firstSpread,
  lastSpread,
  measurement,
  percent,
  type spreadOf,
  spreadText,
  testSpread,
  testText,
  traceSeries,
} from '../training/summary.ts';
import { type KeptRun, type Quantity, traceOf } from '../training/trace.ts';

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

interface Corner {
  readonly rotation: boolean;
  readonly both: boolean;
  readonly mlp: boolean;
  readonly weight: number;
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
      'the codebook term only (β = 0, what vector-quantize-pytorch 1.20.1 to 1.20.10 did with the trick on); transform Linear or',
      'Linear-ReLU-Linear (128 hidden); w = 1 or 1,000. |z|, mse(z, q) and the angle between z and q are of test tokens; mse(z, q) is the',
      'commitment loss without its weight, and relative to Var(z) it does not depend on the scale of the latents.',
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

interface Row {
  readonly corner: Corner;
  readonly runs: readonly KeptRun[];
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

function nameOf({ rotation, both, mlp, weight }: Corner): string {
  return [
    rotation ? 'rotation' : 'straight-through',
    both ? 'both terms' : 'codebook term only',
    mlp ? 'Linear-ReLU-Linear' : 'Linear',
    `w = ${weight}`,
  ].join(', ');
}

const relative = (runs: readonly KeptRun[]): ReturnType<typeof spreadOf> =>
  testSpread(runs, ({ latents }) => latents.relativeError);
const raw = (runs: readonly KeptRun[]): ReturnType<typeof spreadOf> => testSpread(runs, ({ latents }) => latents.error);
const errorOf = (runs: readonly KeptRun[]): ReturnType<typeof spreadOf> =>
  testSpread(runs, (test) => test.relativeError);
const usedOf = (runs: readonly KeptRun[]): ReturnType<typeof spreadOf> => testSpread(runs, (test) => test.usedCodes);
/** The largest value on the way, over all seeds: of trainings that diverged too. */
const largest = (runs: readonly KeptRun[], quantity: Quantity): number =>
  Math.max(...runs.flatMap((run) => traceOf(run, quantity).map((value) => value ?? 0)));

function outcomeOf(rows: readonly Row[], steps: number, hasRange: boolean): Outcome {
  return {
    tables: [tableOf(rows, hasRange)],
    plots: plotsOf(rows),
    verdicts: verdictsOf(rows),
    answer: answerOf(rows, steps),
    measurements: rows.flatMap(({ corner, runs }) => [
      ...measurement(`${nameOf(corner)}: mse(z, q)/Var(z)`, '', 'lower', runs, ({ latents }) => latents.relativeError),
      ...measurement(`${nameOf(corner)}: used codes`, 'codes', 'higher', runs, (test) => test.usedCodes),
    ]),
  };
}

function tableOf(rows: readonly Row[], hasRange: boolean): Table {
  return {
    title: 'After training (mean, lowest to highest of the seeds)',
    columns: [
      'SimVQ',
      'mse(z, q)',
      'mse(z, q)/Var(z)',
      'mean |z|',
      'largest mean |z| on the way',
      'angle of z and q',
      'gradient norm of the encoder',
      'used codes',
      'perplexity',
      hasRange ? 'PSNR, dB' : 'error/variance',
      'bits per token',
    ],
    rows: rows.map(({ corner, runs }) => [
      nameOf(corner),
      testText(runs, ({ latents }) => latents.error),
      spreadText(relative(runs)) ?? '-',
      spreadText(testSpread(runs, ({ latents }) => latents.norm)) ?? '-',
      numberText(largest(runs, 'norm')),
      degrees(spreadText(testSpread(runs, ({ latents }) => latents.angle))),
      spreadText(lastSpread(runs, 'encoderGradient')) ?? '-',
      spreadText(testSpread(runs, (test) => test.usedCodes)) ?? '-',
      spreadText(testSpread(runs, (test) => test.perplexity)) ?? '-',
      spreadText(testSpread(runs, (test) => (hasRange ? test.psnrDb : test.relativeError))) ?? '-',
      testSpread(runs, (test) => test.bitsPerToken)?.mean ?? '-',
    ]),
  };
}

function degrees(text: string | null): string {
  return text === null ? '-' : `${text} degrees`;
}

function plotsOf(rows: readonly Row[]): Plot[] {
  const plot = (name: string, title: string, label: string, weight: number, quantity: Quantity): Plot => ({
    name,
    title: `${title} (Linear, w = ${weight})`,
    x: { label: 'step' },
    y: { label, scale: 'log' },
    series: rows
      .filter(({ corner }) => !corner.mlp && corner.weight === weight)
      .map(({ corner, runs }) =>
        traceSeries(
          `${corner.rotation ? 'rotation' : 'straight-through'}, ${corner.both ? 'both terms' : 'codebook term only'}`,
          runs,
          quantity,
          'log',
        ),
      ),
  });
  return [
    plot('commitment', 'Commitment loss', 'mse(z, q)', 1, 'commitment'),
    plot('commitment-1000', 'Commitment loss', 'mse(z, q)', 1000, 'commitment'),
    plot('relative', 'Commitment loss relative to the latents', 'mse(z, q) / Var(z)', 1, 'relativeCommitment'),
    plot('norm', 'Length of the latents', 'mean |z|', 1, 'norm'),
    plot('angle', 'Angle between a latent and its code', 'degrees', 1, 'angle'),
    plot('gradient', 'Gradient norm of the encoder', 'norm', 1, 'encoderGradient'),
  ];
}

const corner = (rows: readonly Row[], wanted: Corner): readonly KeptRun[] =>
  rows.find(({ corner: each }) => nameOf(each) === nameOf(wanted))?.runs ?? [];

function verdictsOf(rows: readonly Row[]): Verdict[] {
  const four = (rotation: boolean, both: boolean): readonly KeptRun[] =>
    corner(rows, { rotation, both, mlp: false, weight: 1 });
  const growth = (runs: readonly KeptRun[]): number => {
    const first = firstSpread(runs, 'commitment')?.mean ?? 0;
    return largest(runs, 'commitment') / first;
  };
  const grows = (runs: readonly KeptRun[]): boolean =>
    runs.some(({ divergedAt }) => divergedAt !== null) || growth(runs) > 3;
  const text = (runs: readonly KeptRun[], pick: (runs: readonly KeptRun[]) => ReturnType<typeof spreadOf>): string =>
    spreadText(pick(runs)) ?? 'diverged';
  const [rotationBoth, rotationOne, plainBoth, plainOne] = [
    four(true, true),
    four(true, false),
    four(false, true),
    four(false, false),
  ];
  const lower = (a: readonly KeptRun[], b: readonly KeptRun[], pick: typeof raw): Verdict['verdict'] =>
    isLower(differenceOf(pick(a)?.samples, pick(b)?.samples));
  const blamed = grows(rotationBoth);
  const heavy = [false, true].map((mlp) => ({
    mlp,
    runs: corner(rows, { rotation: true, both: true, mlp, weight: 1000 }),
  }));
  return [
    {
      claim: 'The rotation trick makes the commitment loss grow.',
      expected: 'no: the missing β term does',
      measured: `largest mse(z, q) over the first: with both terms rotation ${times(growth(rotationBoth))}, straight-through ${times(growth(plainBoth))}; codebook term only rotation ${times(growth(rotationOne))}, straight-through ${times(growth(plainOne))}`,
      verdict: blamed && !grows(plainBoth) ? 'reproduced' : 'not reproduced',
      remark: grows(plainOne)
        ? 'Without the β term it grows with straight-through too, where there is no rotation.'
        : 'Linear transform, weight 1.',
    },
    {
      claim: 'The rotation trick lowers the quantization error.',
      expected: 'lower mse(z, q), raw and relative to Var(z), with both terms',
      measured: `mse(z, q) ${text(rotationBoth, raw)} against ${text(plainBoth, raw)}; relative ${text(rotationBoth, relative)} against ${text(plainBoth, relative)}`,
      verdict: inAll([raw, relative].map((pick) => lower(rotationBoth, plainBoth, pick))),
      remark: `Reconstruction error/variance: rotation ${text(rotationBoth, (runs) => testSpread(runs, (test) => test.relativeError))}, straight-through ${text(plainBoth, (runs) => testSpread(runs, (test) => test.relativeError))}.`,
    },
    {
      claim: 'A commitment weight of 1,000 does no harm with the rotation trick when both terms are there.',
      expected: 'mse(z, q) does not grow; the reconstruction may suffer, because the loss is 1,000 times as heavy',
      measured: heavy
        .map(
          ({ mlp, runs }) =>
            `${mlp ? 'Linear-ReLU-Linear' : 'Linear'}: mse(z, q) at most ${times(growth(runs))} the first, error/variance ${text(runs, errorOf)} against ${text(corner(rows, { rotation: true, both: true, mlp, weight: 1 }), errorOf)} at weight 1`,
        )
        .join('; '),
      verdict: heavy.every(
        ({ mlp, runs }) =>
          !grows(runs) &&
          (errorOf(runs)?.mean ?? 1) <
            1.1 * (errorOf(corner(rows, { rotation: true, both: true, mlp, weight: 1 }))?.mean ?? 0),
      )
        ? 'reproduced'
        : 'not reproduced',
      remark: `Used codes at weight 1,000: ${heavy
        .map(({ mlp, runs }) => `${text(runs, usedOf)} (${mlp ? 'Linear-ReLU-Linear' : 'Linear'})`)
        .join(', ')}. A weight that suits a loss of many terms summed is not one for a mean squared error of order 1.`,
    },
  ];
}

function times(factor: number): string {
  return `${numberText(factor, 2)} times`;
}

function answerOf(rows: readonly Row[], steps: number): string {
  const four = (rotation: boolean, both: boolean, weight = 1): readonly KeptRun[] =>
    corner(rows, { rotation, both, mlp: false, weight });
  const say = (runs: readonly KeptRun[]): string => {
    const at = runs.find(({ divergedAt }) => divergedAt !== null)?.divergedAt;
    const end = spreadText(raw(runs));
    if (end === null) return `diverged at step ${at}`;
    return `mse(z, q) ${end}, relative to Var(z) ${spreadText(relative(runs))}, mean |z| ${spreadText(testSpread(runs, ({ latents }) => latents.norm))}, ${spreadText(testSpread(runs, (test) => test.usedCodes))} used codes, error/variance ${spreadText(testSpread(runs, (test) => test.relativeError))}`;
  };
  const ends = (a: readonly KeptRun[]): number => raw(a)?.mean ?? Number.POSITIVE_INFINITY;
  const blameless = ends(four(true, true)) <= ends(four(false, true));
  const loss = ends(four(true, false)) > ends(four(true, true)) && ends(four(false, false)) > ends(four(false, true));
  const reduction = ends(four(false, true)) / ends(four(true, true));
  const bits = testSpread(four(true, true), (test) => test.bitsPerToken)?.mean ?? 'unknown';
  const peak = largest(four(true, true), 'commitment');
  const codes = (weight: number): number => usedOf(four(true, true, weight))?.mean ?? 0;
  const alone = (weight: number): number => errorOf(four(true, false, weight))?.mean ?? 0;
  const heavyWords = [
    codes(1000) < 0.5 * codes(1)
      ? 'There the weighted loss outweighs the reconstruction: with both terms few codes are left in use.'
      : 'With both terms the codes stay in use there.',
    ...(Math.abs(alone(1000) - alone(1)) < 0.02 * alone(1)
      ? [
          'With the codebook term only the weight changes next to nothing: that term trains the codebook alone, and AdamW divides by the size of its gradient.',
        ]
      : []),
  ];
  const obtuse = firstSpread(four(true, true), 'obtuseShare')?.mean ?? 0;
  return [
    `**${loss && blameless ? 'No: what makes it grow is a missing half of the loss.' : loss ? 'Only in part: the missing half of the loss makes it grow, but the trick does not lower it here.' : 'This run does not settle it.'}** After ${steps} steps with a linear transform and weight 1, at ${bits} bits per token:`,
    [
      `- rotation, both terms: ${say(four(true, true))}`,
      `- rotation, codebook term only: ${say(four(true, false))}`,
      `- straight-through, both terms: ${say(four(false, true))}`,
      `- straight-through, codebook term only: ${say(four(false, false))}`,
    ].join('\n'),
    `Without β mse(z, sg q) nothing pulls z to its code. The decoder sees q, whose value does not depend on the length of z, so the reconstruction does not hold |z| either. What users saw grow is mse(sg z, q), the same number. With both terms the rotation trick ends with ${reduction >= 1 ? `a commitment loss ${numberText(reduction, 2)} times lower` : `a commitment loss ${numberText(1 / reduction, 2)} times higher`} than straight-through; on its way it was at most ${numberText(peak)}. The error relative to Var(z), which does not depend on the scale, is ${spreadText(relative(four(true, true)))} against ${spreadText(relative(four(false, true)))}.`,
    `At weight 1,000:`,
    [
      `- rotation, both terms: ${say(four(true, true, 1000))}`,
      `- rotation, codebook term only: ${say(four(true, false, 1000))}`,
      `- straight-through, both terms: ${say(four(false, true, 1000))}`,
      `- straight-through, codebook term only: ${say(four(false, false, 1000))}`,
    ].join('\n'),
    heavyWords.join(' '),
    `The rotation is no random matrix: it is the one rotation that takes z to its code. At the first step ${percent(obtuse)} of the tokens were more than 90 degrees from theirs.`,
  ].join('\n\n');
}
