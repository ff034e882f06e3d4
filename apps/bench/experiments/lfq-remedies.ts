import type { LfqOptions } from '@vqkit/lfq';
import { mnistPatches } from '../src/data/images.ts';
import { type Data, gaussianStream } from '../src/data/source.ts';
import type { Experiment, ExperimentContext, Outcome } from '../src/experiment.ts';
import {
  FSQ,
  type Kept,
  MNIST,
  NORM,
  NOTHING,
  type RemedyGroup,
  type RemedyRow,
  remediesOutcome,
  SPHERICAL,
  STREAM,
  TEMPERATURES,
  type Temperature,
} from '../src/studies/remedies-outcome.ts';
import { type Cell, trainGridCell } from '../src/training/cells.ts';
import type { TrainingRun } from '../src/training/train-tokens.ts';

/**
 * Nothing in LFQ's loss bounds |z|, because the code is only its sign. Does the scale of the latents drift, what does that do to the
 * entropy loss, and which of the known remedies helps, at which temperature?
 */
export const lfqRemedies: Experiment = {
  name: 'lfq-remedies',
  question: 'Which remedy for the loose scale of LFQ lowers the error, at which temperature?',
  method: [
    'LFQ of 10 bits (K = 1,024) inside an autoencoder of tokens (one hidden layer of 128 on each side, GELU), mean squared error and AdamW 1e-3,',
    '128 tokens a step, 400 steps, on a stream of 8 Gaussian factors mixed into 32 features and on 7 × 7 patches of MNIST (49 features, 16 tokens an image). The',
    'loss is that of the reference library: entropy weight 0.1, γ = 1, no commitment; each row changes what its name says, and everything is trained at',
    'inverse temperature τ = 100, the default, and at τ = 1. What has no entropy loss has no τ, and stands under both. FSQ with ten levels of 2 has the same',
    'codes and no loss at all. Used codes and perplexity are of the test tokens, 8,192; the pull of the',
    'entropy loss is the root mean square over tokens of its gradient in z. Without a remedy all seeds are trained, with one the first five. A remedy lowers the error where the whole 95 % interval of the difference of the means says so.',
  ].join(' '),
  expected:
    'Without a remedy the rms of z grows without bound on the stream, every bit saturates and the entropy loss loses its gradient. A norm layer, spherical codes, commitment of 0.25 or the (z²-1)² term bound the scale and lower the error there at both temperatures; a lower τ, or weights of 0.001, do not bound it. On MNIST, by what lfq-scale-drift found with three seeds, the entropy loss holds the rms near 3, and beside it only the commitment of 0.25 lowers the error; without it, and with FSQ, it is lower.',
  parts: () => DATA.length * (LOOSE.length + TEMPERATURES.length * REMEDIES.length),
  run,
};

const BITS = 10;
/** Of a remedy; what goes without has all seeds. */
const REMEDY_SEEDS = 5;
const TRAINING = { steps: 400, batch: 128, points: 4 };
const QUICK = { steps: 24, batch: 64, points: 3 };

const DATA: readonly { readonly where: string; readonly source: Data }[] = [
  { where: STREAM, source: gaussianStream({ dim: 32, factors: 8 }) },
  { where: MNIST, source: mnistPatches },
];

/** What is changed, by the name of its row. */
interface Remedy extends Pick<Cell, 'latentNorm'> {
  readonly name: string;
  readonly options: Partial<LfqOptions>;
}

const WITHOUT: Remedy = { name: NOTHING, options: {} };
const WITHOUT_ENTROPY = { entropyLossWeight: 0 };
/** With the entropy loss, at both temperatures. */
const REMEDIES: readonly Remedy[] = [
  WITHOUT,
  { name: NORM, options: {}, latentNorm: true },
  { name: SPHERICAL, options: { spherical: true } },
  { name: '(z²-1)² term, weight 1', options: { unitNormLossWeight: 1 } },
  { name: 'commitment 0.25', options: { commitmentLossWeight: 0.25 } },
  { name: 'commitment 0.001', options: { commitmentLossWeight: 0.001 } },
  { name: 'entropy weight 0.001', options: { entropyLossWeight: 0.001 } },
  { name: 'entropy and commitment 0.001', options: { entropyLossWeight: 0.001, commitmentLossWeight: 0.001 } },
];
/** Without the entropy loss, and so without a temperature. */
const LOOSE: readonly Cell[] = [
  cellOf({ name: 'entropy weight 0', options: WITHOUT_ENTROPY }),
  cellOf({ name: 'LayerNorm, entropy weight 0', options: WITHOUT_ENTROPY, latentNorm: true }),
  cellOf({ name: 'spherical, entropy weight 0', options: { spherical: true, ...WITHOUT_ENTROPY } }),
  {
    name: FSQ,
    quantizer: { method: 'fsq', options: { levels: new Array<number>(BITS).fill(2), preserveSymmetry: true } },
  },
];

function cellOf({ name, options, latentNorm }: Remedy, temperature?: Temperature): Cell {
  return {
    name: temperature === undefined ? name : `${name}, τ = ${temperature}`,
    quantizer: {
      method: 'lfq',
      options: {
        codebookSize: 2 ** BITS,
        entropyLossWeight: 0.1,
        ...(temperature === undefined ? {} : { invTemperature: temperature }),
        ...options,
      },
    },
    ...(latentNorm === undefined ? {} : { latentNorm }),
  };
}

function keep({ trace, test }: TrainingRun): Kept {
  const [first, last] = [trace[0], trace.at(-1)];
  return {
    steps: trace.map(({ step }) => step),
    rms: [...trace.map(({ probe }) => probe?.latents.rms ?? null).slice(0, -1), test?.latents.rms ?? null],
    entropy: last?.losses.perSampleEntropy ?? null,
    pulls: [first?.lossGradient ?? null, last?.lossGradient ?? null],
    used: test?.usedCodes ?? null,
    share: test?.perplexityShare ?? null,
    error: test?.relativeError ?? null,
    psnr: test?.psnrDb ?? null,
  };
}

async function run(context: ExperimentContext): Promise<Outcome> {
  const training = context.quick ? QUICK : TRAINING;
  const groups: RemedyGroup[] = [];
  for (const { where, source } of DATA) groups.push({ where, rows: await rowsOf(context, source) });
  return remediesOutcome(groups, training.steps);
}

/** The seeds of everything but the headline. */
function few(context: ExperimentContext): ExperimentContext {
  return { ...context, seeds: context.seeds.slice(0, REMEDY_SEEDS) };
}

async function rowsOf(context: ExperimentContext, source: Data): Promise<RemedyRow[]> {
  const training = context.quick ? QUICK : TRAINING;
  const rows: RemedyRow[] = [];
  for (const temperature of TEMPERATURES) {
    for (const remedy of REMEDIES) {
      const own = { ...training, lossGradient: true };
      const given = remedy === WITHOUT ? context : few(context);
      const runs = await trainGridCell(given, source, cellOf(remedy, temperature), own, keep);
      rows.push({ name: remedy.name, temperature, runs });
    }
  }
  for (const cell of LOOSE) {
    const runs = await trainGridCell(few(context), source, cell, training, keep);
    rows.push({ name: cell.name, temperature: undefined, runs });
  }
  return rows;
}
