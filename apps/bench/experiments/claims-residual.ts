import { tensor2d, tidy } from '@tensorflow/tfjs-core';
import type { Quantizer } from '@vqkit/core-tensor';
import { createFsq } from '@vqkit/fsq';
import { createLfq } from '@vqkit/lfq';
import { createResidual, type Residual } from '@vqkit/residual';
import { createSimVq } from '@vqkit/simvq';
import { createVq } from '@vqkit/vq';
import { type Data, gaussianStream, type Source, varianceOf } from '../src/data/source.ts';
import { speechData } from '../src/data/speech.ts';
import type { Experiment, ExperimentContext, Outcome, Plot, Table, Verdict } from '../src/experiment.ts';
import { numberText } from '../src/markdown.ts';
import { meanSquaredError, usageOf, withTrainedCodebook } from '../src/training/codebook.ts';
import { percent, spreadOf, spreadText } from '../src/training/summary.ts';

/** Each layer of a residual stack quantizes what the layers before it left over: how fast does the error fall? */
export const claimsResidual: Experiment = {
  name: 'claims-residual',
  question: 'Does the error of a residual quantizer fall geometrically with its depth?',
  method: [
    'Stacks of 8 layers of 8 bits (LFQ: 16 of 4) on independent N(0, 1) in 4 features, trained by themselves, with no autoencoder:',
    'VQ (K = 256, EMA, k-means++ on the first batch, revival), SimVQ (K = 256, linear, AdamW 1e-3), FSQ (four levels in each feature,',
    'scales 3.6/4^j) and LFQ (scales 2.4/2^j), which need no training: their range, ±4.8 for both, is set by hand for these vectors, while VQ takes that of every layer from the data by k-means. 512 vectors a step. On speech (40 mel bands) VQ and SimVQ the same.',
    'The error of the first n layers is that of decoding the first n indices of 8,192 test vectors. In 4 features the best',
    'conceivable quantizer gains 12 dB per 8 bits.',
  ].join(' '),
  expected:
    'FSQ and LFQ fall by a constant factor per layer, 4 and 2 in amplitude. VQ falls nearly so in 4 features. SimVQ, whose one matrix per layer has to shrink to the size of its residual, and anything on 40 features fall more slowly. Later codebooks are used less evenly.',
  parts: ({ seeds }) => (METHODS.length + SPEECH.length) * seeds.length,
  run,
};

interface Method {
  readonly name: string;
  readonly layers: number;
  /** Learns from data. */
  readonly trained: boolean;
  layer(dim: number, seed: number): Quantizer;
  scale(j: number): number;
}

const vq: Method = {
  name: 'residual VQ',
  layers: 8,
  trained: true,
  layer: (dim, seed) =>
    createVq({
      dim,
      codebookSize: 256,
      kmeansInit: true,
      thresholdEmaDeadCode: 0.4,
      resetClusterSize: 2,
      decay: 0.95,
      seed,
    }) as unknown as Quantizer,
  scale: () => 1,
};
const simvq: Method = {
  name: 'residual SimVQ',
  layers: 8,
  trained: true,
  layer: (dim, seed) => createSimVq({ dim, codebookSize: 256, seed }) as unknown as Quantizer,
  scale: () => 1,
};
const fsq: Method = {
  name: 'residual FSQ',
  layers: 8,
  trained: false,
  layer: (dim) =>
    createFsq({
      levels: new Array<number>(dim).fill(4),
      preserveSymmetry: true,
      boundHardClamp: true,
    }) as unknown as Quantizer,
  scale: (j) => 3.6 / 4 ** j,
};
const lfq: Method = {
  name: 'residual LFQ',
  layers: 16,
  trained: false,
  layer: (dim) => createLfq({ codebookSize: 2 ** dim }) as unknown as Quantizer,
  scale: (j) => 2.4 / 2 ** j,
};
const METHODS: readonly Method[] = [vq, simvq, fsq, lfq];
const SPEECH: readonly Method[] = [vq, simvq];

interface Depth {
  /** Of the first n layers. */
  readonly bits: number;
  readonly snrDb: number;
  /** Of layer n alone. */
  readonly usedCodes: number;
  readonly perplexityShare: number;
}

interface Row {
  readonly method: Method;
  /** One per seed, each with one entry per layer. */
  readonly runs: readonly (readonly Depth[])[];
}

async function run(context: ExperimentContext): Promise<Outcome> {
  const steps = context.quick ? 30 : 600;
  const gaussian = await rowsOf(context, gaussianStream({ dim: 4 }), METHODS, steps);
  const speech = await speechData(context);
  if (speech === undefined) context.log('Speech is not measured: no recordings; see --data.');
  const spoken = speech === undefined ? [] : await rowsOf(context, speech.data, SPEECH, steps);
  return {
    tables: [
      tableOf('N(0, 1) in 4 features', gaussian),
      ...(spoken.length > 0 ? [tableOf('Speech, 40 mel bands', spoken)] : []),
    ],
    plots: [
      plotOf('gaussian', gainTitle('N(0, 1) in 4 features', gaussian), gaussian),
      ...(spoken.length > 0 ? [plotOf('speech', gainTitle('Speech', spoken), spoken)] : []),
    ],
    verdicts: verdictsOf(gaussian, spoken),
    answer: answerOf(gaussian, spoken),
    measurements: [...gaussian, ...spoken].flatMap(({ method, runs }, i) => {
      const samples = runs.map((run) => run.at(-1)?.snrDb ?? 0);
      const where = i < gaussian.length ? 'Gaussian' : 'speech';
      return [{ name: `${method.name}, ${where}: SNR of all layers`, unit: 'dB', better: 'higher' as const, samples }];
    }),
  };
}

async function rowsOf(
  context: ExperimentContext,
  data: Data,
  methods: readonly Method[],
  steps: number,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const method of methods) {
    const runs: Depth[][] = [];
    const { name, layers, trained } = method;
    for (const seed of context.seeds) {
      const settings = { source: data.name, name, layers, steps: trained ? steps : 0, batch: 512, seed };
      runs.push(
        await context.part(`${data.name}: ${name}, seed ${seed}`, settings, async () => {
          const source = await data.open();
          const quantizer = (own: number): Residual => stackOf(method, source.dim, own);
          return withTrainedCodebook({ ...settings, source, quantizer }, (stack) => depths(stack, source));
        }),
      );
    }
    rows.push({ method, runs });
  }
  return rows;
}

function stackOf({ layers, layer, scale }: Method, dim: number, seed: number): Residual {
  const indices = Array.from({ length: layers }, (_, j) => j);
  return createResidual({
    layers: indices.map((j) => layer(dim, 1000 * seed + j)),
    scales: indices.map(scale),
    seed,
  }) as unknown as Residual;
}

async function depths(stack: Residual, source: Source): Promise<Depth[]> {
  const { test: all, dim } = source;
  const test = all.subarray(0, Math.min(all.length, 8192 * dim));
  const variance = varianceOf(test, dim);
  const indices = tidy(() => stack.encode(tensor2d(test, [test.length / dim, dim])));
  const { codebooks } = usageOf(stack, (await indices.data()) as Int32Array);
  const bits = Math.log2(stack.codebookSize);
  const found: Depth[] = [];
  for (const [j, { usedCodes, perplexityShare }] of codebooks.entries()) {
    const codes = stack.decode(indices, { layers: j + 1 });
    const error = meanSquaredError((await codes.data()) as Float32Array, test);
    codes.dispose();
    found.push({ bits: (j + 1) * bits, snrDb: 10 * Math.log10(variance / error), usedCodes, perplexityShare });
  }
  indices.dispose();
  return found;
}

function at(row: Row, bits: number, pick: (depth: Depth) => number): ReturnType<typeof spreadOf> {
  return spreadOf(
    row.runs
      .map((run) => run.find((depth) => depth.bits === bits))
      .map((depth) => (depth === undefined ? null : pick(depth))),
  );
}

/** Decibels gained by each further 8 bits. */
function gains(row: Row): number[] {
  const snr = [0, ...BITS.map((bits) => at(row, bits, (depth) => depth.snrDb)?.mean ?? 0)];
  return snr.slice(1).map((value, i) => value - (snr[i] as number));
}

const BITS = [8, 16, 24, 32, 40, 48, 56, 64];

function tableOf(title: string, rows: readonly Row[]): Table {
  return {
    title: `${title}: SNR in dB by bits per token; perplexity/K of the last of these layers`,
    columns: ['method', ...BITS.map((bits) => `${bits} bits`)],
    rows: rows.flatMap((row) => [
      [row.method.name, ...BITS.map((bits) => spreadText(at(row, bits, (depth) => depth.snrDb)))],
      [
        `${row.method.name}: perplexity/K`,
        ...BITS.map((bits) => percent(at(row, bits, (depth) => depth.perplexityShare)?.mean ?? 0)),
      ],
    ]),
  };
}

function gainTitle(where: string, rows: readonly Row[]): string {
  const last = rows.map(
    (row) => `${row.method.name.replace('residual ', '')} ${numberText(gains(row).at(-1) ?? Number.NaN, 2)}`,
  );
  return `${where}: dB gained by the last 8 bits: ${last.join(', ')}`;
}

function plotOf(name: string, title: string, rows: readonly Row[]): Plot {
  return {
    name,
    title,
    x: { label: 'bits per token' },
    y: { label: 'SNR, dB' },
    series: rows.map((row) => {
      const bits = row.runs[0]?.map((depth) => depth.bits) ?? [];
      const spreads = bits.map((each) => at(row, each, (depth) => depth.snrDb));
      return {
        label: row.method.name,
        points: bits.map((each, i) => [each, spreads[i]?.mean ?? 0] as const),
        spread: spreads.map((spread) => [spread?.low ?? 0, spread?.high ?? 0] as const),
      };
    }),
  };
}

/** Every 8 bits gain at least half of what the first gained. */
function isGeometric(row: Row): boolean {
  const all = gains(row);
  return all.every((gain) => gain >= 0.5 * (all[0] as number));
}

function verdictsOf(gaussian: readonly Row[], spoken: readonly Row[]): Verdict[] {
  const text = (row: Row): string =>
    gains(row)
      .map((gain) => numberText(gain, 2))
      .join(', ');
  const verdictOf = (row: Row, where: string): Verdict => {
    const first = at(row, 8, (depth) => depth.perplexityShare)?.mean ?? 0;
    const last = at(row, 64, (depth) => depth.perplexityShare)?.mean ?? 0;
    return {
      claim: `The error of ${row.method.name} falls geometrically with depth (${where}).`,
      expected: 'every further 8 bits gain at least half as many decibels as the first 8',
      measured: `dB gained by each 8 bits: ${text(row)}`,
      verdict: isGeometric(row) ? 'reproduced' : 'not reproduced',
      remark: `${spreadText(at(row, 64, (depth) => depth.snrDb))} dB in all. Perplexity/K of the first layer ${percent(first)}, of the last ${percent(last)}.`,
    };
  };
  return [
    ...gaussian.map((row) => verdictOf(row, 'Gaussian vectors')),
    ...spoken.map((row) => verdictOf(row, 'speech')),
    ...(spoken.length > 0
      ? []
      : [
          {
            claim: 'The error falls geometrically with depth on speech.',
            expected: 'a gain that gets smaller',
            measured: 'not measured: no recordings on this machine',
            verdict: 'beyond reach here' as const,
            remark: 'apt-get install asterisk-core-sounds-en-wav, or --data with a folder of WAV files.',
          },
        ]),
  ];
}

function answerOf(gaussian: readonly Row[], spoken: readonly Row[]): string {
  const line = (row: Row): string => {
    const all = gains(row);
    const total = at(row, 64, (depth) => depth.snrDb);
    return `- ${row.method.name}: ${spreadText(total)} dB at 64 bits per token; the first 8 bits gain ${numberText(all[0] ?? 0)} dB, the last 8 ${numberText(all.at(-1) ?? 0)}`;
  };
  const yes = gaussian.filter(isGeometric).map(({ method }) => method.name);
  const no = gaussian.filter((row) => !isGeometric(row)).map(({ method }) => method.name);
  return [
    `**${no.length === 0 ? 'Yes' : yes.length === 0 ? 'No' : `For ${yes.join(', ')}: yes. For ${no.join(', ')}: no`}**, on independent Gaussian vectors in 4 features, where 8 bits are worth at most 12 dB:`,
    gaussian.map(line).join('\n'),
    ...(spoken.length === 0
      ? ['Speech is not measured here.']
      : [`On mel frames of speech, whose 40 bands hang together:\n\n${spoken.map(line).join('\n')}`]),
  ].join('\n\n');
}
