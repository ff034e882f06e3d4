import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resultOf } from '../src/child.ts';
import type { Experiment, ExperimentContext, Outcome } from '../src/experiment.ts';
import { PACKAGE_FOLDER } from '../src/paths.ts';
import {
  type ConvolutionShape,
  type Convolutions,
  convolutionsSchema,
  type PhotosFiles,
  type PhotosSetup,
  type PhotosTask,
  type Timed,
  type Trained,
  timedSchema,
  trainedSchema,
} from '../src/photos/settings.ts';
import { COMPARED_LOSSES, type Pair, photosOutcome, type Times } from '../src/photos/summary.ts';

const THREADS = 2;
const COMMON = { blocks: 1, levels: [8, 5, 5, 5], learningRate: 1e-3, threads: THREADS } as const;
/** The network of the goal, and the preset's own. */
const LARGE = { ...COMMON, widths: [64, 128, 256], groups: 8, size: 64, batchSize: 32, seed: 1 } as const;
const PRESET = { ...COMMON, widths: [32, 64], groups: 8, size: 64, batchSize: 16, seed: 1 } as const;
/** Small enough for five seeds in minutes. */
const SMALL = { ...COMMON, threads: 1, widths: [16, 32], groups: 4, size: 32, batchSize: 16 } as const;
const TIMED_STEPS = { full: 11, quick: 4 };
const TRAINED_STEPS = { full: 80, quick: 6 };
const ENGINES = ['wasm', 'native', 'torch'] as const;

const plain = (side: number, channels: number, outChannels: number, more: Partial<ConvolutionShape> = {}) =>
  ({ side, channels, outChannels, kernel: 3, stride: 1, upsample: 1, count: 1, ...more }) as const;
/** Every convolution of {@link LARGE} in its order, but for those from and to the codes. */
const SHAPES: readonly ConvolutionShape[] = [
  plain(64, 3, 64),
  plain(64, 64, 64, { count: 2 }),
  plain(64, 64, 64, { stride: 2 }),
  plain(32, 64, 128),
  plain(32, 64, 128, { kernel: 1 }),
  plain(32, 128, 128),
  plain(32, 128, 128, { stride: 2 }),
  plain(16, 128, 256),
  plain(16, 128, 256, { kernel: 1 }),
  plain(16, 256, 256),
  plain(16, 256, 256, { stride: 2 }),
  plain(8, 256, 256, { count: 10 }),
  plain(8, 256, 256, { upsample: 2 }),
  plain(16, 256, 128),
  plain(16, 256, 128, { kernel: 1 }),
  plain(16, 128, 128),
  plain(16, 128, 128, { upsample: 2 }),
  plain(32, 128, 64),
  plain(32, 128, 64, { kernel: 1 }),
  plain(32, 64, 64),
  plain(32, 64, 64, { upsample: 2 }),
  plain(64, 64, 3),
];

/** Preset `photos` beside PyTorch: as well, and as fast. */
export const photosSpeed: Experiment = {
  name: 'photos-speed',
  question: 'Does vqkit train residual autoencoders of photographs as PyTorch does: as well, and as fast?',
  method: `The network of preset \`photos\` (arch \`resnet\`, one block a width, FSQ [8,5,5,5], L1 + squared error, AdamW 1e-3 on a cosine, the gradient clipped at norm 1) and its twin in PyTorch
(apps/bench/peers/photos.py), which is fastest with its images' channels last in memory. Speed: ${TIMED_STEPS.full - 2} steps on one random batch after two that are not counted, in a process of its own, ${THREADS} threads, in the order of the
table; memory is the peak of the process. Quality: widths 16 and 32 on 32 × 32 pixels, ${TRAINED_STEPS.full} steps on one thread of 16 pictures that are drawn (240 to train on, 30 to test on; discs, stripes, gradients), from the same weights on the same batches; the
mean of the differences in pairs of seeds with its 95 % interval counts as the same within ±5 %. Convolutions: vqkit's kernels alone, one thread, the least of what fits into 200 ms; the peak is how fast independent chains of products and
sums run in 128-bit registers, in the same process. Operations are counted as in the plain sum.`,
  expected: `The same quality. With the large widths at least PyTorch's speed; with the preset's own, whose transforms weigh more, less.`,
  parts: ({ seeds, python }) => 2 * (python === undefined ? 2 : 3) + seeds.length + 1,
  run,
};

async function run(context: ExperimentContext): Promise<Outcome> {
  const { quick, seeds, python, part, log } = context;
  const kind = quick ? 'quick' : 'full';
  const times: Times[] = [];
  for (const network of [LARGE, PRESET]) {
    const setup: PhotosSetup = { ...network, batchSize: quick ? 2 : network.batchSize, steps: TIMED_STEPS[kind] };
    const of: Record<(typeof ENGINES)[number], Timed | null> = { wasm: null, native: null, torch: null };
    for (const engine of ENGINES) {
      if (engine === 'torch' && python === undefined) continue;
      of[engine] = await part(`widths ${setup.widths} by ${engine}`, { ...setup, engine }, async () =>
        timedSchema.parse(
          engine === 'torch'
            ? await torch(python as string, { ...setup, do: 'time' })
            : await worker({ ...setup, do: 'time', engine }),
        ),
      );
    }
    times.push({ setup, of });
  }
  const pairs: Pair[] = [];
  for (const seed of seeds) {
    const setup: PhotosSetup = { ...SMALL, seed, steps: TRAINED_STEPS[kind] };
    const beside = python !== undefined;
    pairs.push({
      seed,
      ...(await part(`quality, seed ${seed}`, { ...setup, beside }, () => trainPair(setup, python))),
    });
  }
  const batchSize = quick ? 1 : LARGE.batchSize;
  const convolutions = await part(
    'convolutions',
    { shapes: SHAPES, batchSize },
    async (): Promise<Convolutions> =>
      convolutionsSchema.parse(await worker({ do: 'convolutions', shapes: SHAPES, batchSize })),
  );
  if (python === undefined) log('PyTorch is not measured: no Python that has torch and vector-quantize-pytorch.');
  return photosOutcome(times, pairs, SHAPES, convolutions, batchSize);
}

async function trainPair(setup: PhotosSetup, python: string | undefined): Promise<Omit<Pair, 'seed'>> {
  const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
  try {
    const at = (name: string): string => join(folder, name);
    const files: PhotosFiles = { weights: at('weights.safetensors'), batches: at('batches.f32'), test: at('test.f32') };
    const task = { ...setup, ...files, do: 'train' } as const;
    const ours = keptOf(await worker(task));
    return { ours, theirs: python === undefined ? null : keptOf(await torch(python, task)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Later losses part, once a latent rounds to another code. */
function keptOf(run: unknown): Trained {
  const { losses, l1 } = trainedSchema.parse(run);
  return { losses: losses.slice(0, COMPARED_LOSSES), l1 };
}

function worker(task: PhotosTask): Promise<unknown> {
  return resultOf(process.execPath, [`${PACKAGE_FOLDER}dist/src/photos/worker.js`, JSON.stringify(task)]);
}

function torch(python: string, task: object): Promise<unknown> {
  return resultOf(python, [`${PACKAGE_FOLDER}peers/photos.py`, JSON.stringify(task)]);
}
