import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Experiment, ExperimentContext, Outcome } from '../src/experiment.ts';
import { FREED_MEMORY_KEPT } from '../src/kernels/contender.ts';
import { busyMs, waitForQuiet } from '../src/kernels/quiet.ts';
import { once } from '../src/once.ts';
import { writeData } from '../src/recipe/data.ts';
import { trainByPyTorch, trainHere } from '../src/recipe/programs.ts';
import { QUANTIZER_NAMES, type RecipeRun, type RecipeSettings } from '../src/recipe/settings.ts';
import {
  CONTENDERS,
  type Contender,
  speedAnswer,
  speedMeasurements,
  speedTables,
  speedVerdicts,
  type TimedTurns,
  type Turn,
} from '../src/recipe/speed.ts';

const FULL = { steps: 100, turns: 5, images: { train: 60_000, test: 250 }, patienceMs: 10_000 };
/** Of all cores' time during a training: more is a busy machine. */
const SHARE_OF_OTHERS = 0.1;
const QUICK = { steps: 10, turns: 1, images: { train: 5120, test: 250 }, patienceMs: 1000 };

/** The training of `recipe` by the clock. */
export const recipeSpeed: Experiment = {
  name: 'recipe-speed',
  question:
    'How fast does vqkit train the example recipe beside PyTorch on the same CPU, with either allocator of PyTorch?',
  method: `The trainings of [recipe](recipe.md) on MNIST, ${FULL.steps} steps of 256 images, each in a process of its own with all cores, from its first step on: whatever
compilers and allocators take at the beginning counts. ${FULL.turns} turns, in each of which every program trains once, so that whatever else the machine does
meets all alike; a training begins when the machine is idle, and is counted below where others had a tenth of its cores meanwhile. The ratio is taken turn by turn. PyTorch runs as it comes, and once more with two
variables of the environment by which glibc's allocator keeps up to 64 MiB of freed memory, and blocks of up to 32 MiB in it. Memory is the peak of the process.
The goals are judged against the faster of the two. Left out are vqkit's plain JavaScript, on which this would take hours, native TensorFlow and WebGPU.`,
  expected:
    'FSQ and SimVQ at half the speed of PyTorch or better, LFQ at least as fast; PyTorch is faster with its freed memory kept, most of all with LFQ, whose loss has the largest blocks.',
  parts: ({ quick }) => 1 + QUANTIZER_NAMES.length * (quick ? QUICK : FULL).turns,

  async run(context): Promise<Outcome> {
    const { quick, log, cores } = context;
    const { steps, turns: count, images, patienceMs } = quick ? QUICK : FULL;
    const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
    const files = once(() => writeData(folder, images));
    try {
      await context.part('the images', { images }, files);
      const results: TimedTurns[] = [];
      for (const quantizer of QUANTIZER_NAMES) {
        const turns: Turn[] = [];
        for (let turn = 1; turn <= count; turn++) {
          const settings: RecipeSettings = { quantizer, loss: 'mse', seed: turn, steps, threads: cores };
          const contenders = contendersOf(context);
          turns.push(
            await context.part(`${quantizer}, turn ${turn}`, { ...settings, contenders }, async () => {
              await files();
              return turnOf(
                contenders,
                (contender) => trainOnce(contender, settings, folder, context.python),
                patienceMs,
              );
            }),
          );
        }
        results.push({ quantizer, turns });
      }
      if (context.python === undefined) log('PyTorch is not measured: no Python that has the reference library.');
      return {
        tables: speedTables(results),
        plots: [],
        verdicts: speedVerdicts(results),
        answer: speedAnswer(results),
        measurements: speedMeasurements(results),
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

function contendersOf({ python }: Pick<ExperimentContext, 'python'>): readonly Contender[] {
  return (Object.keys(CONTENDERS) as Contender[]).filter((name) => name === 'vqkit' || python !== undefined);
}

async function turnOf(
  contenders: readonly Contender[],
  train: (contender: Contender) => Promise<RecipeRun>,
  patienceMs: number,
): Promise<Turn> {
  const { length: cores } = cpus();
  const runs: { -readonly [C in Contender]?: Pick<RecipeRun, 'stepsPerSecond' | 'peakMiB'> } = {};
  let busy = 0;
  for (const contender of contenders) {
    await waitForQuiet(patienceMs);
    const [from, before] = [performance.now(), busyMs()];
    const { stepsPerSecond, peakMiB, cpuSeconds } = await train(contender);
    const others = busyMs() - before - 1000 * cpuSeconds;
    if (others > SHARE_OF_OTHERS * cores * (performance.now() - from)) busy++;
    runs[contender] = { stepsPerSecond, peakMiB };
  }
  return { runs, busy };
}

function trainOnce(
  contender: Contender,
  settings: RecipeSettings,
  folder: string,
  python: string | undefined,
): Promise<RecipeRun> {
  if (contender === 'vqkit' || python === undefined)
    return trainHere({ ...settings, engine: 'wasm', dataPath: folder });
  const environment = contender === 'torch' ? {} : FREED_MEMORY_KEPT;
  return trainByPyTorch(settings, { python, folder, environment });
}
