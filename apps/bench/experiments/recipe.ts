import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError, phrase } from '@vqkit/core-tensor';
import { fashionFolder, fashionFolders } from '../src/data/fashion.ts';
import type { Experiment, Outcome } from '../src/experiment.ts';
import { once } from '../src/once.ts';
import { writeData } from '../src/recipe/data.ts';
import { trainByPyTorch, trainHere } from '../src/recipe/programs.ts';
import { COMPARED_STEPS, QUANTIZER_NAMES, type RecipeRun, type WorkerSettings } from '../src/recipe/settings.ts';
import { writeStart } from '../src/recipe/start.ts';
import {
  type Pair,
  type PairedRuns,
  type Quality,
  recipeAnswer,
  recipeTables,
  recipeVerdicts,
  SAME,
} from '../src/recipe/summary.ts';

const STEPS = 200;
const QUICK_STEPS = 20;
/** Of whose losses PyTorch's are compared with its own, as they are the furthest apart; and of how many seeds. */
const ITSELF: readonly string[] = ['lfq'];
const ITSELF_SEEDS = 2;
const FULL_IMAGES = { train: 60_000, test: 10_000 };
const QUICK_IMAGES = { train: 10_240, test: 1000 };

interface Data {
  readonly title: string;
  readonly loss: 'mse' | 'l1';
  /** The folder of its IDX files; undefined for the MNIST that comes along. */
  folder(dataDir: string | undefined): string | undefined;
}

/** The recipe on MNIST, with mean squared error: the L1 loss collapses to black there for some seeds. */
export const recipe: Experiment = recipeOn('recipe', { title: 'MNIST', loss: 'mse', folder: () => undefined });

/** The recipe on Fashion-MNIST, with the reference's own loss. */
export const recipeFashion: Experiment = recipeOn('recipe-fashion', {
  title: 'Fashion-MNIST',
  loss: 'l1',
  folder: (dataDir) => {
    const found = fashionFolder(dataDir);
    if (found !== undefined) return found;
    throw new DataError(
      'bench',
      'train-images-idx3-ubyte.gz of Fashion-MNIST',
      `be in ${fashionFolders(dataDir).join(' or ')}`,
      phrase('none'),
      "Install Debian's package dataset-fashion-mnist, or pass --data with its folder.",
    );
  },
});

function recipeOn(name: string, data: Data): Experiment {
  return {
    name,
    question: `Does vqkit train the example recipe on ${data.title} as PyTorch does?`,
    method: `The example of vector-quantize-pytorch: a convolutional autoencoder of two halvings around FSQ [8,6,5] (240 codes, 7.9 bits a
token), SimVQ with an MLP of 128 and the rotation trick (256 codes, 8 bits) or spherical LFQ (256 codes, 8 bits), 49 tokens an image; batch 256, AdamW
3e-4, ${data.loss === 'mse' ? 'mean squared error' : 'L1 on the clamped output'}, ${STEPS} steps (the example itself trains 1,000), 60,000 images. Each
training has a process of its own with one thread. A seed gives initial weights and batches, which both programs take from one file
(\`src/recipe/start.ts\`). The loss of a step is the whole one, before the step. L1 is of the output clamped to [-1, 1] on the 10,000 test images, PSNR that of
the mean squared error over all pixels of all of them, in both programs; used codes and perplexity count over all of them. What rounding does to LFQ's
loss, whose entropy has an inverse temperature of 100, is told by PyTorch against itself, ${ITSELF_SEEDS} seeds: the images of each batch the other way round.
The reference clamps probabilities at 1e-5 in the logarithms of that entropy, which is exact in vqkit; docs/LOG.md has how far the losses are apart without that.
The quality counts as the same when the 95 % interval of the paired differences of L1 lies within ±${100 * SAME} %, and as undecided when it holds both answers.`,
    expected:
      'The same loss at each of the first 100 steps within 1e-4, and the same quality after training: it is the same mathematics in another order of additions.',
    parts: ({ seeds, python }) =>
      1 +
      QUANTIZER_NAMES.length * seeds.length +
      (python === undefined ? 0 : ITSELF.length * seeds.slice(0, ITSELF_SEEDS).length),

    async run(context): Promise<Outcome> {
      const { quick, seeds, log } = context;
      const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
      const files = once(() => writeData(folder, quick ? QUICK_IMAGES : FULL_IMAGES, data.folder(context.dataDir)));
      try {
        await context.part('the images', { quick }, files);
        const steps = quick ? QUICK_STEPS : STEPS;
        const results: PairedRuns[] = [];
        for (const quantizer of QUANTIZER_NAMES) {
          const pairs: Pair[] = [];
          for (const seed of seeds) {
            const settings = { quantizer, loss: data.loss, seed, steps, threads: 1 };
            const told = { ...settings, data: data.title, start: 'the same', peer: context.python !== undefined };
            pairs.push(
              await context.part(`${quantizer}, seed ${seed}`, told, async (raw) => {
                const { train } = await files();
                return trainPair({ ...settings, engine: 'wasm', dataPath: folder }, train, context.python, raw);
              }),
            );
          }
          const itself: number[] = [];
          for (const seed of ITSELF.includes(quantizer) && context.python !== undefined
            ? seeds.slice(0, ITSELF_SEEDS)
            : []) {
            const settings = { quantizer, loss: data.loss, seed, steps: COMPARED_STEPS, threads: 1 };
            const told = { ...settings, data: data.title, batches: 'as they are, reversed' };
            itself.push(
              await context.part(`${quantizer}, seed ${seed}: PyTorch against itself`, told, async () => {
                const { train } = await files();
                return againstItself(
                  { ...settings, engine: 'wasm', dataPath: folder },
                  train,
                  context.python as string,
                );
              }),
            );
          }
          results.push({ quantizer, pairs, itself });
        }
        if (context.python === undefined) log('PyTorch is not measured: no Python that has the reference library.');
        return outcomeOf(results, steps, data.title);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

async function trainPair(
  settings: WorkerSettings,
  images: number,
  python: string | undefined,
  raw: (value: unknown) => void,
): Promise<Pair> {
  const ours = await trainHere(settings);
  if (python === undefined) return { ours: qualityOf(ours), theirs: null, apart: null };
  const folder = settings.dataPath;
  const start = await writeStart(join(folder, 'start.safetensors'), settings, images);
  const theirs = await trainByPyTorch(settings, { python, folder, start });
  raw({ ours, theirs });
  return { ours: qualityOf(ours), theirs: qualityOf(theirs), apart: apartOf(ours, theirs) };
}

function apartOf(one: RecipeRun, other: RecipeRun): number {
  return Math.max(...one.losses.map((loss, i) => Math.abs(loss - (other.losses[i] ?? Number.NaN))));
}

/** How far PyTorch's losses move where only the order of its additions changes. */
async function againstItself(settings: WorkerSettings, images: number, python: string): Promise<number> {
  const folder = settings.dataPath;
  const runs: RecipeRun[] = [];
  for (const reversed of [false, true]) {
    const start = await writeStart(join(folder, 'start.safetensors'), settings, images, reversed);
    runs.push(await trainByPyTorch(settings, { python, folder, start }));
  }
  const [forward, backward] = runs as [RecipeRun, RecipeRun];
  return apartOf(forward, backward);
}

function qualityOf({ l1, psnr, usedCodes, perplexity }: RecipeRun): Quality {
  return { l1, psnr, usedCodes, perplexity };
}

function outcomeOf(results: readonly PairedRuns[], steps: number, title: string): Outcome {
  return {
    tables: recipeTables(results, steps),
    plots: [],
    verdicts: recipeVerdicts(results),
    answer: recipeAnswer(results, title),
    measurements: results.flatMap(({ quantizer, pairs }) => {
      const theirs = pairs.flatMap((pair) => (pair.theirs === null ? [] : [pair.theirs.l1]));
      const of = (by: string, samples: readonly number[]) => ({
        name: `${quantizer}, ${by}, test L1`,
        unit: '',
        better: 'lower' as const,
        samples,
      });
      return [
        of(
          'vqkit',
          pairs.map(({ ours }) => ours.l1),
        ),
        ...(theirs.length === 0 ? [] : [of('PyTorch', theirs)]),
      ];
    }),
  };
}
