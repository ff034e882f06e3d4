import { createRng } from '@vqkit/core-tensor';
import { loadDataset } from '@vqkit/data/node';
import { createLfq } from '@vqkit/lfq';
import { createAdamW } from '@vqkit/nn';
import { createConfig } from '@vqkit/train';
import { evaluate, imageModality, takeAllSteps, trainStep } from '@vqkit/training';
import type { Experiment, ExperimentContext, Heatmap, Outcome, Table, Verdict } from '../src/experiment.ts';
import { numberText } from '../src/markdown.ts';
import { once } from '../src/once.ts';
import { createConvAutoencoder, halved, type SmallPictures } from '../src/training/conv.ts';
import { spreadOf, spreadText } from '../src/training/summary.ts';
import { startTrainingEngine } from '../src/training/train-tokens.ts';

/** What |z| does in LFQ, and what τ does: the softness follows from their product. Is that all that |z| does? */
export const lfqSoftness: Experiment = {
  name: 'lfq-softness',
  question: 'Does the length of z set anything in LFQ but the softness of its entropy loss, which τ sets too?',
  method: [
    'LFQ of 8 bits in a convolutional autoencoder (conv3, max pool, conv3, conv1, and back; 16 channels) of MNIST at 14 × 14 pixels, 49 tokens a picture: small pictures and few steps,',
    'so that ten seeds of every field are affordable. A LayerNorm of each token without weights and a fixed factor before LFQ hold the rms of z at a; the',
    'entropy loss has weight 0.1, γ = 1 and inverse temperature τ, no commitment. Every pair of a = 1/16, 1/4 and 1 and τ = 1 … 64, in steps of 4, so that every',
    'diagonal has one product aτ and so one log-odds 4τz (s = 1). 100 steps of 32 pictures, mean squared error, AdamW 1e-3; judged on 250 test pictures, 12,250 tokens.',
    'The diagonal aτ = 4 is trained once more with an entropy weight of 0.1a, which undoes what the factor a does to the gradient of the reconstruction.',
  ].join(' '),
  expected:
    'Before training the softness follows from aτ alone. After training it does not: the straight-through gradient reaches the encoder times a, the entropy loss times aτ, so that a smaller a gives the entropy loss a larger share. With the weight times a the diagonal is one training again.',
  parts: ({ quick }) => 1 + gridOf(quick).length + compensatedOf(quick).length,
  run,
};

const BITS = 8;
const WEIGHT = 0.1;
const SCALES = [1 / 16, 1 / 4, 1];
const TEMPERATURES = [1, 4, 16, 64];
const PRODUCT = 4;
const FULL = { steps: 100, batch: 32, train: 6000, test: 250 };
const QUICK = { steps: 4, batch: 8, train: 64, test: 32 };

/** One field of the grid. */
interface Field {
  readonly scale: number;
  readonly temperature: number;
  readonly weight: number;
}

interface Kept {
  /** Per-sample entropy of the test tokens in nats, before and after training. */
  readonly before: number;
  readonly after: number;
  readonly error: number;
  readonly share: number;
}

function gridOf(quick: boolean): readonly Field[] {
  const of = (all: readonly number[]): readonly number[] => (quick ? all.slice(0, 3) : all);
  return of(SCALES).flatMap((scale) => of(TEMPERATURES).map((temperature) => ({ scale, temperature, weight: WEIGHT })));
}

function compensatedOf(quick: boolean): readonly Field[] {
  return gridOf(quick)
    .filter(({ scale, temperature }) => scale !== 1 && scale * temperature === PRODUCT)
    .map((field) => ({ ...field, weight: WEIGHT * field.scale }));
}

const nameOf = ({ scale, temperature, weight }: Field): string =>
  `a = ${scale}, τ = ${temperature}, weight ${Number(weight.toPrecision(6))}`;

interface Row {
  readonly field: Field;
  readonly runs: readonly Kept[];
}

async function run(context: ExperimentContext): Promise<Outcome> {
  const { part, quick, seeds, progress } = context;
  const sizes = quick ? QUICK : FULL;
  const read = once(async () => {
    const { train, test } = await loadDataset(createConfig({ validationSize: 0 }));
    return { train: halved(train, sizes.train), test: halved(test, sizes.test) };
  });
  const { variance } = await part('the variance of the test pictures', sizes, async () => {
    const { test } = await read();
    const pixels = test.batch(Int32Array.from({ length: test.count }, (_, i) => i));
    const mean = pixels.reduce((sum, pixel) => sum + pixel, 0) / pixels.length;
    return { variance: pixels.reduce((sum, pixel) => sum + (pixel - mean) ** 2, 0) / pixels.length };
  });
  const train = (field: Field): Promise<readonly Kept[]> =>
    part(nameOf(field), { ...field, ...sizes, seeds }, async () => {
      const runs: Kept[] = [];
      for (const seed of seeds) {
        runs.push(await trained(field, seed, sizes, variance, await read()));
        progress(runs.length / seeds.length);
      }
      return runs;
    });
  const rows: Row[] = [];
  for (const field of gridOf(quick)) rows.push({ field, runs: await train(field) });
  const again: Row[] = [];
  for (const field of compensatedOf(quick)) again.push({ field, runs: await train(field) });
  const centre = rows.find(({ field }) => field.scale === 1 && field.temperature === PRODUCT);
  return {
    tables: [
      startTable(rows),
      fieldTable(`The diagonal aτ = ${PRODUCT}`, [...rows.filter((row) => productOf(row) === PRODUCT), ...again]),
      fieldTable('Every field, after training', rows),
    ],
    plots: [
      heatmap(rows, 'entropy', softTitle(rows), 'of a test token after training, nats', (each) => each.after),
      heatmap(rows, 'error', errorTitle(rows), 'error/variance of the test pictures', (each) => each.error),
    ],
    verdicts: verdictsOf(rows, again, centre),
    answer: answerOf(rows, again, centre),
    measurements: rows.map(({ field, runs }) => ({
      name: `${nameOf(field)}: error/variance`,
      unit: '',
      better: 'lower',
      samples: runs.map(({ error }) => error),
    })),
  };
}

async function trained(
  { scale, temperature, weight }: Field,
  seed: number,
  { steps, batch }: typeof FULL,
  variance: number,
  { train, test }: { readonly train: SmallPictures; readonly test: SmallPictures },
): Promise<Kept> {
  await startTrainingEngine();
  const quantizer = createLfq({
    codebookSize: 2 ** BITS,
    entropyLossWeight: weight,
    invTemperature: temperature,
    seed,
  });
  const model = createConvAutoencoder(quantizer, scale, seed);
  const optimizer = createAdamW({ variables: model.variables() });
  const rng = createRng(seed).fork('batches');
  const judge = async (step: number): Promise<Omit<Kept, 'before'>> => {
    let [entropy, tokens] = [0, 0];
    const { quality, tracker } = await evaluate(model, test, {
      batchSize: 250,
      step,
      onTokens({ latents }) {
        for (const z of latents) entropy += bitEntropy(4 * temperature * z);
        tokens += latents.length / BITS;
      },
    });
    const mse = 'mse' in quality ? (quality.mse as number) : Number.NaN;
    return { after: entropy / tokens, error: mse / variance, share: tracker.perplexity / 2 ** BITS };
  };
  const { after: before } = await judge(0);
  await takeAllSteps({
    steps,
    batch: () =>
      imageModality.toTensor(
        train.batch(Int32Array.from({ length: batch }, () => rng.integer(train.count))),
        batch,
        train.shape,
      ),
    take: (pictures, step) =>
      trainStep(
        { model, optimizer },
        pictures,
        { loss: 'mse', learningRate: 1e-3, warmupSteps: 0, clipGradNorm: 0 },
        step,
      ),
  });
  const judged = await judge(steps);
  optimizer.dispose();
  model.dispose();
  return { before, ...judged };
}

/** Entropy in nats of a bit with these log-odds. */
function bitEntropy(odds: number): number {
  const size = Math.abs(odds);
  const rest = Math.exp(-size);
  return Math.log1p(rest) + (size * rest) / (1 + rest);
}

const meanOf = (runs: readonly Kept[], pick: (each: Kept) => number): number =>
  spreadOf(runs.map(pick))?.mean ?? Number.NaN;
const text = (runs: readonly Kept[], pick: (each: Kept) => number): string =>
  spreadText(spreadOf(runs.map(pick))) ?? 'none';
const productOf = ({ field: { scale, temperature } }: Row): number => scale * temperature;
const fraction = (value: number): string => (value < 1 ? `1/${1 / value}` : String(value));

/** Rows by their product aτ, from small to large. */
function diagonalsOf(rows: readonly Row[]): { product: number; own: readonly Row[] }[] {
  const products = [...new Set(rows.map(productOf))].sort((a, b) => a - b);
  return products.map((product) => ({ product, own: rows.filter((row) => productOf(row) === product) }));
}

/** Largest over smallest of the means of a diagonal. */
function rangeOf(own: readonly Row[], pick: (each: Kept) => number): { low: number; high: number } {
  const means = own.map(({ runs }) => meanOf(runs, pick));
  return { low: Math.min(...means), high: Math.max(...means) };
}

function startTable(rows: readonly Row[]): Table {
  const text = ({ low, high }: { low: number; high: number }): string => `${numberText(low)} to ${numberText(high)}`;
  return {
    title: 'By the product aτ: lowest to highest field of a diagonal, means of the seeds',
    columns: [
      'aτ',
      'fields',
      'per-sample entropy before training, nats',
      'after training, nats',
      'error/variance',
      'perplexity/K',
    ],
    rows: diagonalsOf(rows).map(({ product, own }) => [
      fraction(product),
      own.length,
      text(rangeOf(own, ({ before }) => before)),
      text(rangeOf(own, ({ after }) => after)),
      text(rangeOf(own, ({ error }) => error)),
      text(rangeOf(own, ({ share }) => share)),
    ]),
  };
}

function fieldTable(title: string, rows: readonly Row[]): Table {
  return {
    title,
    columns: ['a', 'τ', 'entropy weight', 'per-sample entropy, nats', 'error/variance', 'perplexity/K'],
    rows: rows.map(({ field, runs }) => [
      fraction(field.scale),
      fraction(field.temperature),
      numberText(field.weight),
      text(runs, ({ after }) => after),
      text(runs, ({ error }) => error),
      text(runs, ({ share }) => share),
    ]),
  };
}

function heatmap(
  rows: readonly Row[],
  name: string,
  title: string,
  value: string,
  pick: (each: Kept) => number,
): Heatmap {
  const scales = [...new Set(rows.map(({ field }) => field.scale))];
  const temperatures = [...new Set(rows.map(({ field }) => field.temperature))];
  return {
    name,
    title,
    x: { label: 'rms of z, a', ticks: scales.map(fraction) },
    y: { label: 'inverse temperature τ', ticks: temperatures.map(fraction) },
    value,
    cells: temperatures.map((temperature) =>
      scales.map((scale) => {
        const row = rows.find(({ field }) => field.scale === scale && field.temperature === temperature);
        const mean = meanOf(row?.runs ?? [], pick);
        return Number.isFinite(mean) ? mean : null;
      }),
    ),
  };
}

function bestOf(rows: readonly Row[]): Row {
  return [...rows].sort(
    (a, b) => meanOf(a.runs, ({ error }) => error) - meanOf(b.runs, ({ error }) => error),
  )[0] as Row;
}

function softTitle(rows: readonly Row[]): string {
  const most = Math.max(
    ...diagonalsOf(rows)
      .filter(({ own }) => own.length > 1)
      .map(({ own }) => apart(own, ({ after }) => after)),
  );
  return `The softness goes with aτ: along a diagonal its means differ by ${numberText(100 * most, 2)} % at most`;
}

function errorTitle(rows: readonly Row[]): string {
  const { field } = bestOf(rows);
  return `The lowest error stands at a = ${fraction(field.scale)}, τ = ${fraction(field.temperature)}`;
}

/** How far the means of a diagonal are apart, relative to its lowest. */
function apart(own: readonly Row[], pick: (each: Kept) => number): number {
  const { low, high } = rangeOf(own, pick);
  return high / low - 1;
}

/** What counts as one number. */
const SAME = 0.01;

function verdictsOf(rows: readonly Row[], again: readonly Row[], centre: Row | undefined): Verdict[] {
  const several = diagonalsOf(rows).filter(({ own }) => own.length > 1);
  const shown = several.filter(({ own }) => rangeOf(own, ({ before }) => before).low > 1e-3);
  const before = Math.max(...shown.map(({ own }) => apart(own, (each) => each.before)));
  const diagonal = rows.filter((row) => productOf(row) === PRODUCT);
  const one = [...again, ...(centre === undefined ? [] : [centre])];
  const share = (value: number): string => `${numberText(100 * value, 2)} %`;
  return [
    {
      claim: 'Before training the per-sample entropy follows from aτ alone.',
      expected: `the fields of a diagonal differ by ${share(SAME)} at most`,
      measured: `at most ${share(before)} on ${shown.length} diagonals`,
      verdict: before <= SAME ? 'reproduced' : 'not reproduced',
      remark: 'Diagonals of two fields or more whose entropy is above 0.001 nats; the LayerNorm has an ε of 1e-5.',
    },
    {
      claim: `|z| sets the softness and nothing else: after training the fields of the diagonal aτ = ${PRODUCT} are alike.`,
      expected: 'no: a smaller a gives the entropy loss a larger share of the gradient',
      predicted: false,
      measured: `per-sample entropy ${diagonal.map(({ field, runs }) => `${text(runs, ({ after }) => after)} at a = ${fraction(field.scale)}`).join(', ')}; error/variance ${diagonal.map(({ runs }) => text(runs, ({ error }) => error)).join(', ')}`,
      verdict:
        apart(diagonal, ({ after }) => after) <= 0.1 && apart(diagonal, ({ error }) => error) <= 0.1
          ? 'reproduced'
          : 'not reproduced',
      remark: 'Counted as alike: means within 10 % of the lowest.',
    },
    {
      claim: `With the entropy weight times a the diagonal aτ = ${PRODUCT} is one training.`,
      expected: 'error and entropy within 10 %: what is left is rounding, and the ε of AdamW',
      measured: `error/variance ${one.map(({ field, runs }) => `${text(runs, ({ error }) => error)} at a = ${fraction(field.scale)}`).join(', ')}; per-sample entropy ${one.map(({ runs }) => text(runs, ({ after }) => after)).join(', ')}`,
      verdict:
        one.length > 1 && apart(one, ({ after }) => after) <= 0.1 && apart(one, ({ error }) => error) <= 0.1
          ? 'reproduced'
          : 'not reproduced',
      remark: `Means differ by ${share(apart(one, ({ error }) => error))} (error) and ${share(apart(one, ({ after }) => after))} (entropy) at most.`,
    },
  ];
}

function answerOf(rows: readonly Row[], again: readonly Row[], centre: Row | undefined): string {
  const diagonal = rows.filter((row) => productOf(row) === PRODUCT);
  const [first, last] = [diagonal.at(0), diagonal.at(-1)] as [Row, Row];
  const best = bestOf(rows);
  const [started, alike, one] = verdictsOf(rows, again, centre) as [Verdict, Verdict, Verdict];
  const lead =
    started.verdict === 'reproduced' && alike.verdict === 'not reproduced' && one.verdict === 'reproduced'
      ? 'The softness, which follows from aτ; and in training the share of the entropy loss'
      : alike.verdict === 'reproduced'
        ? 'Nothing else here'
        : 'Not settled by this run';
  return [
    `**${lead}.** The log-odds of a bit are 4τsz, so that the softness of the same latents depends on the rms a of z and on τ by their product alone: ${started.measured.replace('at most', 'before training the fields of one product differ by at most')}. Neither changes a code, which is the sign. But the straight-through gradient of the reconstruction reaches the encoder times a, and that of the entropy loss times aτ: at a fixed aτ a larger a leaves the entropy loss a smaller share.`,
    `At aτ = ${PRODUCT} the per-sample entropy of a token ends at ${text(first.runs, ({ after }) => after)} nats with a = ${fraction(first.field.scale)} and at ${text(last.runs, ({ after }) => after)} with a = ${fraction(last.field.scale)}, error/variance at ${text(first.runs, ({ error }) => error)} and ${text(last.runs, ({ error }) => error)}. With the entropy weight times a, which undoes that factor, error/variance is ${again.map(({ field, runs }) => `${text(runs, ({ error }) => error)} (a = ${fraction(field.scale)})`).join(', ')}${centre === undefined ? '' : ` and ${text(centre.runs, ({ error }) => error)} (a = 1)`}.`,
    `The lowest mean error of the grid is ${text(best.runs, ({ error }) => error)}, at a = ${fraction(best.field.scale)} and τ = ${fraction(best.field.temperature)}. What holds a, which drifts by itself where nothing does: [lfq-scale-drift](lfq-scale-drift.md).`,
  ].join('\n\n');
}
