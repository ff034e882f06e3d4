import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clipByValue, tensor4d, tidy } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import type { Images } from '@vqkit/data';
import { loadDataset } from '@vqkit/data/node';
import { frechetDistance } from '@vqkit/metrics';
import type { ImageTokenizer } from '@vqkit/tokenizer';
import { createConfig, loadTokenizer, train } from '@vqkit/train';
import { mnistLabels } from '../src/data/labels.ts';
import type { Experiment, ExperimentContext, Outcome, Table, Verdict } from '../src/experiment.ts';
import { writeIdx } from '../src/idx.ts';
import { numberText } from '../src/markdown.ts';
import { type Classifier, FEATURES, trainClassifier } from '../src/training/classifier.ts';
import { countText, percent, type Spread, spreadOf, spreadText } from '../src/training/summary.ts';

/** A pixel error cannot see whether a reconstruction is still the digit it was. A classifier of our own can, a little. */
export const classifierDistance: Experiment = {
  name: 'classifier-distance',
  question: 'Are reconstructions with the smaller pixel error also the better digits to a classifier?',
  method: [
    'The autoencoder of the recipe (two halvings, 49 tokens an image, batch 256, AdamW 3e-4, mean squared error) is trained for 200 steps on',
    'MNIST around quantizers of 8 bits per token (FSQ [8, 6, 5]: 7.9). A small convolutional classifier of ours (two convolutions, 64',
    'features, 10 classes) is trained on the labels for 500 steps of 128 and stays as it is. The classifier distance is the Fréchet distance',
    '|μ-μʹ|² + tr(Σ + Σʹ - 2(ΣΣʹ)^½) between its 64 features of the 10,000 test images and of their reconstructions. It is comparable within',
    'this page only: it is no FID, which is of the features of another network, on other pictures. For scale: the distance of as many',
    'training images, and of the test images with noise of deviation 0.5. Kept digits are those of the images that it takes for the same',
    'digit before and after.',
  ].join(' '),
  expected:
    'The orders by pixel error and by classifier distance agree where methods are far apart. Plain VQ, which uses few codes, is the worst in both; every reconstruction is far from the test images compared with other real images.',
  parts: ({ seeds }) => 1 + METHODS.length * seeds.length,
  run,
};

interface Method {
  readonly name: string;
  readonly quantizer: 'fsq' | 'simvq' | 'lfq' | 'vq';
  readonly options: Readonly<Record<string, unknown>>;
}

const METHODS: readonly Method[] = [
  { name: 'FSQ [8, 6, 5]', quantizer: 'fsq', options: {} },
  { name: 'SimVQ', quantizer: 'simvq', options: {} },
  { name: 'LFQ, spherical', quantizer: 'lfq', options: {} },
  { name: 'VQ, EMA, k-means, revival', quantizer: 'vq', options: {} },
  {
    name: 'plain VQ',
    quantizer: 'vq',
    options: { kmeansInit: false, thresholdEmaDeadCode: 0, learnableCodebook: true, rotationTrick: false },
  },
];
const FULL = { steps: 200, classifierSteps: 500, trainImages: 60_000, testImages: 10_000 };
const QUICK = { steps: 8, classifierSteps: 60, trainImages: 4096, testImages: 1000 };
const NOISE = 0.5;

/** One training, on the test images. */
interface Quality {
  readonly psnrDb: number | null;
  readonly ssim: number | null;
  readonly distance: number;
  /** Share of the images that the classifier takes for the same digit before and after. */
  readonly kept: number;
  readonly usedCodes: number;
  readonly perplexity: number;
  readonly bitsPerToken: number;
}

interface Scale {
  readonly accuracy: number;
  /** Of as many training images. */
  readonly otherImages: number;
  /** Of the test images with noise. */
  readonly noisy: number;
}

interface Row {
  readonly name: string;
  readonly runs: readonly Quality[];
}

async function run(context: ExperimentContext): Promise<Outcome> {
  const sizes = context.quick ? QUICK : FULL;
  const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
  const judge = await openJudge(sizes, folder);
  try {
    const scale = await context.part('the classifier', { ...sizes, NOISE }, () => judge.scale());
    const rows: Row[] = [];
    for (const { name, quantizer, options } of METHODS) {
      const runs: Quality[] = [];
      for (const seed of context.seeds) {
        const settings = { quantizer, options, ...sizes, seed };
        runs.push(
          await context.part(`${name}, seed ${seed}`, settings, () =>
            judge.train(settings, join(folder, `${quantizer}-${rows.length}-${seed}`), context.progress),
          ),
        );
      }
      rows.push({ name, runs });
    }
    return {
      tables: tablesOf(rows, scale),
      plots: [],
      verdicts: verdictsOf(rows),
      answer: answerOf(rows, scale),
      measurements: rows.map(({ name, runs }) => ({
        name: `${name}: classifier distance`,
        unit: '',
        better: 'lower' as const,
        samples: runs.map(({ distance }) => distance),
      })),
    };
  } finally {
    await judge.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Judge {
  scale(): Promise<Scale>;
  train(
    settings: Omit<Method, 'name'> & { readonly steps: number; readonly seed: number },
    outDir: string,
    progress: (share: number) => void,
  ): Promise<Quality>;
  close(): Promise<void>;
}

/** Images, labels and the classifier, which is trained when it is first needed: a run that goes on may not need it. */
async function openJudge(sizes: typeof FULL, folder: string): Promise<Judge> {
  const all = await loadDataset(createConfig({ validationSize: 0 }));
  const labels = await mnistLabels();
  const firstOf = (images: Images, count: number): Images =>
    images.subset(Int32Array.from({ length: Math.min(count, images.count) }, (_, i) => i));
  const [trained, tested] = [firstOf(all.train, sizes.trainImages), firstOf(all.test, sizes.testImages)];
  const pixels = pixelsOf(tested, 0, tested.count);
  let classifier: Promise<Classifier> | undefined;
  const open = (): Promise<Classifier> => {
    classifier ??= trainClassifier(trained, labels.train, sizes.classifierSteps);
    return classifier;
  };
  const data = await writeData(folder, trained, tested);
  return {
    async scale() {
      const judge = await open();
      const { features, classes } = await judge.apply(pixels);
      const others = await judge.apply(pixelsOf(trained, 0, tested.count));
      const noisy = await judge.apply(withNoise(pixels));
      const right = classes.filter((digit, i) => digit === labels.test[i]).length;
      return {
        accuracy: right / classes.length,
        otherImages: frechetDistance(features, others.features, FEATURES),
        noisy: frechetDistance(features, noisy.features, FEATURES),
      };
    },
    async train({ quantizer, options, steps, seed }, outDir, progress) {
      const judge = await open();
      const config = createConfig({
        preset: 'recipe',
        data: 'idx',
        dataPath: data,
        validationSize: 0,
        loss: 'mse',
        clampOutput: false,
        quantizer,
        quantizerOptions: options,
        steps,
        seed,
        logEvery: steps,
        checkpointEvery: steps,
        engine: 'wasm',
        threads: 2,
        outDir,
      });
      const result = await train(config, {
        onEvent: (event) => {
          if (event.kind === 'step') progress(event.step / steps);
        },
      });
      if (result.status !== 'finished') throw new Error('the training did not finish');
      const model = await loadTokenizer(join(outDir, 'checkpoints', `step-${steps}.safetensors`));
      const [before, after] = [await judge.apply(pixels), await judge.apply(await reconstruct(model, tested))];
      model.dispose();
      const { quality, codes } = result.summary.test;
      return {
        psnrDb: quality.psnrDb ?? null,
        ssim: quality.ssim ?? null,
        distance: frechetDistance(before.features, after.features, FEATURES),
        kept: before.classes.filter((digit, i) => digit === after.classes[i]).length / before.classes.length,
        usedCodes: codes.used,
        perplexity: codes.perplexity,
        bitsPerToken: Math.log2(codes.codebookSize),
      };
    },
    async close() {
      (await classifier)?.dispose();
    },
  };
}

/** As files, which is how a training takes the first images only. */
async function writeData(folder: string, trained: Images, tested: Images): Promise<string> {
  await writeIdx(join(folder, 'train-images-idx3-ubyte'), trained);
  await writeIdx(join(folder, 't10k-images-idx3-ubyte'), tested);
  return folder;
}

function pixelsOf(images: Images, from: number, to: number): Float32Array {
  return images.batch(Int32Array.from({ length: to - from }, (_, i) => from + i));
}

/** Clamped to [-1, 1] as a picture is. */
async function reconstruct(model: ImageTokenizer, images: Images): Promise<Float32Array> {
  const { count, height, width } = images;
  const out = new Float32Array(count * height * width);
  const chunk = 500;
  for (let from = 0; from < count; from += chunk) {
    const some = Math.min(chunk, count - from);
    const output = tidy(() => {
      const batch = tensor4d(pixelsOf(images, from, from + some), [some, height, width, 1]);
      return clipByValue(model.forward(batch, { training: false }).output, -1, 1);
    });
    out.set((await output.data()) as Float32Array, from * height * width);
    output.dispose();
  }
  return out;
}

function withNoise(pixels: Float32Array): Float32Array {
  const noise = createRng(1).normalArray(pixels.length, NOISE);
  return pixels.map((value, i) => Math.max(-1, Math.min(1, value + (noise[i] as number))));
}

const distanceOf = ({ runs }: Row): Spread | null => spreadOf(runs.map(({ distance }) => distance));
const psnrOf = ({ runs }: Row): Spread | null => spreadOf(runs.map(({ psnrDb }) => psnrDb));
const keptOf = ({ runs }: Row): Spread | null => spreadOf(runs.map(({ kept }) => kept));
const usedOf = ({ runs }: Row): Spread | null => spreadOf(runs.map(({ usedCodes }) => usedCodes));

function tablesOf(rows: readonly Row[], { accuracy, otherImages, noisy }: Scale): Table[] {
  return [
    {
      title: 'Reconstructions of the test images',
      columns: [
        'method',
        'bits per token',
        'PSNR, dB',
        'SSIM',
        'classifier distance',
        'digits kept',
        'used codes',
        'perplexity',
      ],
      rows: rows.map((row) => [
        row.name,
        spreadText(spreadOf(row.runs.map(({ bitsPerToken }) => bitsPerToken))),
        spreadText(psnrOf(row), 4),
        spreadText(spreadOf(row.runs.map(({ ssim }) => ssim))),
        spreadText(distanceOf(row)),
        percentText(keptOf(row)),
        countText(usedOf(row)),
        spreadText(spreadOf(row.runs.map(({ perplexity }) => perplexity))),
      ]),
    },
    {
      title: 'For scale',
      columns: ['what', 'value'],
      rows: [
        ['accuracy of the classifier on the test images', percent(accuracy)],
        ['classifier distance of as many training images', otherImages],
        [`classifier distance of the test images with noise of deviation ${NOISE}`, noisy],
      ],
    },
  ];
}

function percentText(spread: Spread | null): string | null {
  if (spread === null) return null;
  const [mean, low, high] = [spread.mean, spread.low, spread.high].map(percent);
  return low === high ? (mean as string) : `${mean} (${low} to ${high})`;
}

/** Spearman's: 1 when both order the trainings alike, -1 when they order them the other way round. */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const ranks = (values: readonly number[]): number[] =>
    values.map((value) => {
      const below = values.filter((other) => other < value).length;
      const equal = values.filter((other) => other === value).length;
      return below + (equal - 1) / 2;
    });
  const [x, y] = [ranks(a), ranks(b)];
  const middle = (a.length - 1) / 2;
  const sum = (of: (i: number) => number): number => x.reduce((total, _, i) => total + of(i), 0);
  const deviation = (values: readonly number[], i: number): number => (values[i] ?? 0) - middle;
  const products = sum((i) => deviation(x, i) * deviation(y, i));
  return products / Math.sqrt(sum((i) => deviation(x, i) ** 2) * sum((i) => deviation(y, i) ** 2));
}

/** Over the methods, each by the mean of its seeds: seeds of one method are no further evidence. */
function correlationOf(rows: readonly Row[]): number {
  const known = rows.filter((row) => psnrOf(row) !== null && distanceOf(row) !== null);
  return rankCorrelation(
    known.map((row) => -(psnrOf(row)?.mean ?? 0)),
    known.map((row) => distanceOf(row)?.mean ?? 0),
  );
}

function verdictsOf(rows: readonly Row[]): Verdict[] {
  const correlation = correlationOf(rows);
  const by = (of: (row: Row) => Spread | null, sign: number): Row[] =>
    [...rows].sort((a, b) => sign * ((of(a)?.mean ?? 0) - (of(b)?.mean ?? 0)));
  const plain = rows.find(({ name }) => name === 'plain VQ') as Row;
  const others = rows.filter((row) => row !== plain);
  const least = Math.min(...others.map((row) => distanceOf(row)?.mean ?? 0));
  const text = (row: Row): string => spreadText(distanceOf(row)) ?? '';
  return [
    {
      claim: 'A smaller pixel error means better digits.',
      expected: 'the order of the methods by PSNR is that by classifier distance: a rank correlation of 0.9 or more',
      measured: `rank correlation ${numberText(correlation, 2)}; by PSNR ${by(psnrOf, -1)
        .map(({ name }) => name)
        .join(' > ')}; by distance ${by(distanceOf, 1)
        .map(({ name }) => name)
        .join(' < ')}`,
      verdict: correlation >= 0.9 ? 'reproduced' : 'not reproduced',
      remark:
        'The classifier distance is of a network that was trained on the very digits; it is no judge of pictures in general.',
    },
    {
      claim: 'Plain VQ is farthest from the digits, because it uses few codes.',
      expected: 'the largest classifier distance of all',
      measured: `${text(plain)} with ${countText(usedOf(plain))} used codes; the others ${others.map((row) => `${row.name} ${text(row)} with ${countText(usedOf(row))}`).join(', ')}`,
      verdict: others.every((row) => (distanceOf(row)?.high ?? 0) < (distanceOf(plain)?.low ?? 0))
        ? 'reproduced'
        : 'not reproduced',
      remark: `The smallest distance is ${numberText(least)}.`,
    },
  ];
}

function answerOf(rows: readonly Row[], scale: Scale): string {
  const correlation = correlationOf(rows);
  const line = (row: Row): string =>
    `- ${row.name}: PSNR ${spreadText(psnrOf(row), 4)} dB, classifier distance ${spreadText(distanceOf(row))}, ${percentText(keptOf(row))} of the digits kept, ${countText(usedOf(row))} used codes`;
  return [
    `**${correlation >= 0.9 ? 'Yes, here' : correlation > 0.5 ? 'Mostly' : 'No'}**: over the ${rows.length} methods the ranks by pixel error and by classifier distance have a correlation of ${numberText(correlation, 2)}; ${rows.length} points can show no more than that the order is the same. After a short training, at 8 bits for each of 49 tokens:`,
    rows.map(line).join('\n'),
    `Other real images are ${numberText(scale.otherImages)} away, the test images with noise of deviation ${NOISE} ${numberText(scale.noisy)}. The classifier is right for ${percent(scale.accuracy)} of the test images. Its distance can be compared within this page only, and with no FID.`,
  ].join('\n\n');
}
