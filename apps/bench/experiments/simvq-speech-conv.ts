import { add, keep, mean, mul, type Scalar, square, stack, type Tensor } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { createAdamW } from '@vqkit/nn';
import { createAudioTokenizer } from '@vqkit/tokenizer';
import { createAudioModality, lossAndGradients, takeAllSteps } from '@vqkit/training';
import { readRecordings } from '../src/data/speech.ts';
import type { Experiment, ExperimentContext, Outcome, Plot, Table, Verdict } from '../src/experiment.ts';
import { once } from '../src/once.ts';
import { type Difference, factorOf, factorText } from '../src/seeds.ts';
import { countText, type Spread, spreadOf, spreadText } from '../src/training/summary.ts';
import { startTrainingEngine } from '../src/training/train-tokens.ts';

const SAMPLE_RATE = 8000;
const SAMPLES = 1600;
const STRIDES = [4, 5, 8];
const DIM = 32;
const CODES = 256;
const BETA = 0.25;
const FULL = { steps: 100, batch: 4, every: 10 };
const QUICK = { steps: 4, batch: 2, every: 2 };
const THREAD = 'https://github.com/lucidrains/vector-quantize-pytorch/issues/177';

/** The last comment of issue #177, "still happening", on what its readers train: a convolutional autoencoder of sound. */
export const simVqSpeechConv: Experiment = {
  name: 'simvq-speech-conv',
  question:
    "Does SimVQ's commitment loss still grow with both halves of the loss, on a convolutional autoencoder of speech?",
  method: [
    `SEANet, the convolutional autoencoder of SoundStream and EnCodec, small (4 filters, strides ${STRIDES.join(', ')}, one residual unit a level), on pieces of ${SAMPLES} samples (0.2 s) of`,
    `speech at 8 kHz (Debian's asterisk-core-sounds-en-wav, or the WAV files below --data), ${SAMPLES / 160} tokens a piece, ${FULL.batch} pieces and so ${(FULL.batch * SAMPLES) / 160} tokens a step, ${FULL.steps} steps: few and short, so that ten seeds`,
    `of three settings are affordable. SimVQ with the transform of the issue (Linear, ReLU, Linear, twice as wide inside), dim ${DIM}, K = ${CODES}. The loss is the mean absolute difference of the waves + the mel distance + SimVQ's; AdamW 1e-3.`,
    `Both halves are logged as they enter the loss: w mse(sg z, q), which trains the codes, and ${BETA} w mse(z, sg q), which trains the encoder, 0 where it is missing; of the batch of the step, before it is taken.`,
  ].join(' '),
  expected:
    'At weight 1,000 with the trick on mse(z, q) grows where the second half is missing, and stays at or below its first value where it is there, as with the trick off.',
  parts: () => 1 + SETUPS.length,
  run,
};

interface Setup {
  readonly name: string;
  readonly rotation: boolean;
  readonly both: boolean;
  readonly weight: number;
}

const SETUPS: readonly Setup[] = [
  { rotation: true, both: false, weight: 1000 },
  { rotation: true, both: true, weight: 1000 },
  { rotation: false, both: true, weight: 1000 },
].map((setup) => ({
  ...setup,
  name: `trick ${setup.rotation ? 'on' : 'off'}, ${setup.both ? 'both halves' : 'half of the loss missing'}, weight ${setup.weight.toLocaleString('en-US')}`,
}));

/** One training: mse(z, q) before the traced steps, and the end. */
interface Kept {
  readonly step: readonly number[];
  /** w mse(sg z, q). */
  readonly first: readonly number[];
  /** β w mse(z, sg q), 0 where it is missing. */
  readonly second: readonly number[];
  /** Of the waves and mel spectrograms. */
  readonly reconstruction: readonly number[];
  /** Root mean square of z. */
  readonly rms: readonly number[];
  /** Different codes in the tokens of the last 20 steps. */
  readonly used: number;
}

interface Row {
  readonly setup: Setup;
  readonly runs: readonly Kept[];
}

async function run(context: ExperimentContext): Promise<Outcome> {
  const { part, quick, seeds, progress, log } = context;
  const sizes = quick ? QUICK : FULL;
  const recordings = once(() => readRecordings(context));
  const { found } = await part('the recordings', {}, async () => {
    const read = await recordings();
    return { found: read !== undefined && read.sampleRate === SAMPLE_RATE };
  });
  const rows: Row[] = [];
  for (const setup of SETUPS) {
    const { name: _, ...options } = setup;
    const runs = await part(setup.name, { ...options, ...sizes, seeds, found }, async (): Promise<readonly Kept[]> => {
      const read = await recordings();
      if (!found || read === undefined) return [];
      const trained: Kept[] = [];
      for (const seed of seeds) {
        trained.push(await train(setup, seed, sizes, read.samples));
        progress(trained.length / seeds.length);
      }
      return trained;
    });
    rows.push({ setup, runs });
  }
  if (!found) log('Not measured: there are no recordings at 8 kHz.');
  return {
    tables: [tableOf(rows), halvesTable(rows)],
    plots: plotsOf(rows),
    verdicts: verdictsOf(rows),
    answer: found ? answerOf(rows) : 'Not measured: there are no recordings at 8 kHz on this machine.',
  };
}

async function train(
  { rotation, both, weight }: Setup,
  seed: number,
  { steps, batch, every }: typeof FULL,
  recordings: readonly Float32Array[],
): Promise<Kept> {
  await startTrainingEngine();
  const tokenizer = createAudioTokenizer({
    quantizer: 'simvq',
    quantizerOptions: {
      dim: DIM,
      codebookSize: CODES,
      rotationTrick: rotation,
      commitmentWeight: weight,
      inputToQuantizeCommitLossWeight: both ? BETA : 0,
      codebookTransform: { hidden: [2 * DIM], activation: 'relu' },
      seed,
    },
    filters: 4,
    strides: STRIDES,
    dilations: [1],
    latentWidth: DIM,
    sampleRate: SAMPLE_RATE,
    seed,
  });
  const modality = createAudioModality({
    sampleRate: SAMPLE_RATE,
    samples: SAMPLES,
    waveWeight: 1,
    stftWeight: 0,
    melWeight: 1,
  });
  const variables = tokenizer.variables();
  const optimizer = createAdamW({ variables });
  const rng = createRng(seed).fork('batches');
  const long = recordings.filter(({ length }) => length > SAMPLES);
  const traced: number[][] = [];
  const step: number[] = [];
  const used = new Set<number>();
  await takeAllSteps({
    steps,
    batch: () => {
      const pieces = new Float32Array(batch * SAMPLES);
      for (let i = 0; i < batch; i++) {
        const recording = long[rng.integer(long.length)] as Float32Array;
        const from = rng.integer(recording.length - SAMPLES);
        pieces.set(recording.subarray(from, from + SAMPLES), i * SAMPLES);
      }
      return modality.toTensor(pieces, batch, [SAMPLES, 1]);
    },
    async take(pieces, at) {
      const kept: Tensor[] = [];
      const { loss, gradients } = lossAndGradients(variables, () => {
        const pass = tokenizer.forward(pieces as never, { training: true, step: at });
        const { codebook, commitment } = pass.losses as { codebook: Scalar; commitment: Scalar };
        const reconstruction = modality.loss(pass.output, pieces, { loss: 'l1' });
        kept.push(
          keep(
            stack([
              mul(codebook, weight),
              mul(commitment, both ? BETA * weight : 0),
              reconstruction,
              mean(square(pass.latents)),
            ]),
          ),
          keep(pass.indices),
        );
        return add(reconstruction, pass.loss) as Scalar;
      });
      const [numbers, indices] = kept as [Tensor, Tensor];
      const last = at === steps - 1;
      if (at % every === 0 || last) {
        const [first = 0, second = 0, reconstruction = 0, squares = 0] = await numbers.data();
        step.push(at);
        traced.push([first, second, reconstruction, Math.sqrt(squares)].map((value) => Number(value.toPrecision(4))));
      }
      if (at >= steps - 20) for (const id of await indices.data()) used.add(id);
      optimizer.step(gradients, 1e-3);
      for (const tensor of [loss, numbers, indices, ...Object.values(gradients)]) tensor.dispose();
    },
  });
  optimizer.dispose();
  modality.dispose();
  tokenizer.dispose();
  const column = (i: number): number[] => traced.map((row) => row[i] as number);
  return { step, first: column(0), second: column(1), reconstruction: column(2), rms: column(3), used: used.size };
}

type Series = 'first' | 'second' | 'reconstruction' | 'rms';

const at = ({ runs }: Row, key: Series, place: number): Spread | null =>
  spreadOf(runs.map((each) => each[key].at(place)));
const text = (spread: Spread | null): string => spreadText(spread) ?? 'not measured';
/** mse(z, q) itself, from the half that is always there. */
function distance({ setup, runs }: Row, place: number): Spread | null {
  return spreadOf(runs.map(({ first }) => (first.at(place) ?? Number.NaN) / setup.weight));
}
/** The largest traced value over the first, of each seed. */
function growthOf({ runs }: Row): Spread | null {
  return spreadOf(runs.map(({ first }) => Math.max(...first) / (first[0] ?? Number.NaN)));
}

/** How many times as high the first ends. */
function endFactor(a: Row, b: Row): Difference | undefined {
  return factorOf(distance(a, -1)?.samples, distance(b, -1)?.samples);
}

function rowOf(rows: readonly Row[], rotation: boolean, both: boolean, weight: number): Row {
  return rows.find(({ setup }) => setup.rotation === rotation && setup.both === both && setup.weight === weight) as Row;
}

function tableOf(rows: readonly Row[]): Table {
  return {
    title: 'mse(z, q) over the training',
    columns: [
      'SimVQ',
      'at the first step',
      'at the last',
      'largest traced over the first',
      'rms of z at the last',
      'codes in the last 20 steps',
      'reconstruction loss at the last',
    ],
    rows: rows.map((row) => [
      row.setup.name,
      spreadText(distance(row, 0)),
      spreadText(distance(row, -1)),
      spreadText(growthOf(row)),
      spreadText(at(row, 'rms', -1)),
      countText(spreadOf(row.runs.map(({ used }) => used))),
      spreadText(at(row, 'reconstruction', -1)),
    ]),
  };
}

function halvesTable(rows: readonly Row[]): Table {
  return {
    title: 'Both halves as they enter the loss',
    columns: [
      'SimVQ',
      'w mse(sg z, q), first step',
      'last step',
      `${BETA} w mse(z, sg q), first step`,
      'last step of it',
    ],
    rows: rows.map((row) => [
      row.setup.name,
      spreadText(at(row, 'first', 0)),
      spreadText(at(row, 'first', -1)),
      row.setup.both ? spreadText(at(row, 'second', 0)) : 'missing',
      row.setup.both ? spreadText(at(row, 'second', -1)) : 'missing',
    ]),
  };
}

function plotsOf(rows: readonly Row[]): Plot[] {
  const measured = rows.filter(({ runs }) => runs.length > 0);
  return [
    {
      name: 'distance',
      title:
        measured.length === 0
          ? 'Not measured'
          : `Weight 1,000, trick on: with half of the loss missing mse(z, q) ends ${factorText(endFactor(rowOf(rows, true, false, 1000), rowOf(rows, true, true, 1000)))} as high as with both`,
      x: { label: 'step' },
      y: { label: 'mse(z, q)', scale: 'log' },
      series: measured.map((row) => {
        const steps = row.runs[0]?.step ?? [];
        const spreads = steps.map((_, i) => distance(row, i) as Spread);
        return {
          label: row.setup.name,
          points: spreads.map(({ mean: y }, i) => [steps[i] as number, y] as const),
          spread: spreads.map(({ low, high }) => [low, high] as const),
        };
      }),
    },
  ];
}

function verdictsOf(rows: readonly Row[]): Verdict[] {
  const absent = rows.some(({ runs }) => runs.length === 0);
  const judge = (holds: boolean | undefined): Verdict['verdict'] =>
    absent ? 'beyond reach here' : holds === undefined ? 'undecided' : holds ? 'reproduced' : 'not reproduced';
  const told = (factor: Difference | undefined): boolean | undefined =>
    factor === undefined || (factor.low < 1 && factor.high > 1) ? undefined : factor.low >= 1;
  const half = rowOf(rows, true, false, 1000);
  const [on, off] = [rowOf(rows, true, true, 1000), rowOf(rows, false, true, 1000)];
  const grows = (row: Row): boolean => (growthOf(row)?.mean ?? 0) > GROWS;
  const growth = (row: Row): string => `${text(growthOf(row))} times the first`;
  return [
    {
      claim: 'At weight 1,000 with the trick on, mse(z, q) ends higher with half of the loss missing than with both.',
      expected: 'higher',
      measured: `${text(distance(half, -1))} against ${text(distance(on, -1))}: ${factorText(endFactor(half, on))}`,
      verdict: judge(told(endFactor(half, on))),
      remark: 'The releases before 1.20.11 against those from it on.',
    },
    {
      claim: 'At weight 1,000 with both halves, mse(z, q) still grows with the trick on.',
      expected: 'no: it stays at or below its first value',
      predicted: false,
      measured: `largest traced value ${growth(on)} with the trick on, ${growth(off)} with it off`,
      verdict: judge(grows(on)),
      remark: `Counted as growing: ${GROWS} times the first or more, in the mean of the seeds. It ends at ${text(distance(on, -1))} with the trick on and ${text(distance(off, -1))} with it off.`,
    },
  ];
}

/** Times the first value from which a loss counts as growing. */
const GROWS = 3;

function answerOf(rows: readonly Row[]): string {
  const half = rowOf(rows, true, false, 1000);
  const [on, off] = [rowOf(rows, true, true, 1000), rowOf(rows, false, true, 1000)];
  const [first, still] = verdictsOf(rows) as [Verdict, Verdict];
  const lead =
    still.verdict === 'not reproduced' && first.verdict === 'reproduced'
      ? 'No, at weight 1,000 it does not'
      : 'Not settled by this run';
  const log = (row: Row): string =>
    `- ${row.setup.name}: w mse(sg z, q) from ${text(at(row, 'first', 0))} to ${text(at(row, 'first', -1))}, ${row.setup.both ? `${BETA} w mse(z, sg q) from ${text(at(row, 'second', 0))} to ${text(at(row, 'second', -1))}` : 'the second half missing'}; the largest traced value of either is ${text(growthOf(row))} times its first`;
  return [
    `**${lead}.** It answers the last comment of [issue #177](${THREAD}), of February 2025 ("still happening"), which shows a curve and no settings: both halves of the loss, logged on a convolutional autoencoder of speech. With the trick on and half of the loss missing mse(z, q) ends at ${text(distance(half, -1))}, with both halves at ${text(distance(on, -1))}, and with the trick off at ${text(distance(off, -1))}.`,
    rows.map(log).join('\n'),
    `The two halves have one value but for their weights, so that a log of either shows the same curve. Of ${CODES} codes ${countText(spreadOf(half.runs.map(({ used }) => used)))} were in use in the last 20 steps with half of the loss missing, ${countText(spreadOf(on.runs.map(({ used }) => used)))} with both and the trick on, and ${countText(spreadOf(off.runs.map(({ used }) => used)))} with it off: at weight 1,000 the loss holds z at its codes, and holds them all together. What a right loss does at weight 1: [simvq-rotation](simvq-rotation.md).`,
  ].join('\n\n');
}
