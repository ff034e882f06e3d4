import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answering, startAnswering } from '../src/child.ts';
import type { Experiment, ExperimentContext, Outcome } from '../src/experiment.ts';
import { libraryOutcome } from '../src/library/outcome.ts';
import { OWN, type Run, SETUPS, type Setup, type Traced, WEIGHTS } from '../src/library/setups.ts';
import { trainOwn, writeStart } from '../src/library/train.ts';
import { once } from '../src/once.ts';
import { PACKAGE_FOLDER } from '../src/paths.ts';

const SIZES = { dim: 32, hidden: 128, codebookSize: 256, vectors: 16_384, batch: 256, steps: 1200 } as const;
/** Steps without the second half of the loss, in the setups that take it away. */
const WITHOUT = [400, 800] as const;
const QUICK = { vectors: 1024, steps: 30 };
const EVERY = 40;
/** Seeds at the weight that is not the issue's. */
const FEW = 5;

/** Issue #177 of vector-quantize-pytorch with its own code: the releases before and after the answer, and vqkit beside them. */
export const simVqLibrary: Experiment = {
  name: 'simvq-library',
  question:
    'Does the missing half of the loss explain issue #177 of vector-quantize-pytorch, in the releases themselves, and does vqkit follow them step by step?',
  method: `SimVQ as the issue has it (Linear, ReLU, Linear, twice as wide inside) from the sources of vector-quantize-pytorch 1.20.10 (915f3fc) and 1.20.11
(8c27a0e), which \`--data\` names a clone of, inside an autoencoder of tokens (32 → ${SIZES.hidden} → ${SIZES.dim} → ${SIZES.hidden} → 32, GELU), K = ${SIZES.codebookSize}, mean squared
error and AdamW 1e-3, ${SIZES.batch} tokens a step in a fixed order from ${SIZES.vectors.toLocaleString('en-US')} vectors of 8 Gaussian factors in 32 features, ${SIZES.steps.toLocaleString('en-US')} steps, at weight 1,000, that of the issue, and the releases at weight 1, too, with five seeds. Two more
trainings with 1.20.11 at weight 1,000 lose mse(z, sg q) at step ${WITHOUT[0]} and get it back at step ${WITHOUT[1]}. vqkit trains from the same initial weights on the same batches.`,
  expected:
    'At weight 1,000 the trick of 1.20.10 ends with an mse(z, q) thousands of times that of trick off, and that of 1.20.11 below it. Taken away, the term lets mse(z, q) rise within the 400 steps, with the trick on and off; given back, it falls to where it was. vqkit follows each release until rounding parts them. Of weight 1 nothing was said.',
  parts: ({ seeds }) =>
    [...SETUPS, ...OWN].reduce(
      (sum, { weight }) => sum + (weight === WEIGHTS[0] ? seeds.length : Math.min(FEW, seeds.length)),
      0,
    ),
  run,
};

async function run(context: ExperimentContext): Promise<Outcome> {
  const { part, seeds, quick, python, dataDir, log } = context;
  const sizes = { ...SIZES, ...(quick && QUICK) };
  const without = quick ? ([10, 20] as const) : WITHOUT;
  const clone = dataDir !== undefined && ['HEAD', '.git'].some((name) => existsSync(join(dataDir, name)));
  const folder = once(() => mkdtemp(join(tmpdir(), 'vqkit-bench-')));
  const starts = new Map<number, Promise<string>>();
  const startOf = (seed: number): Promise<string> => {
    const known =
      starts.get(seed) ?? folder().then((path) => writeStart(join(path, `${seed}.safetensors`), sizes, seed));
    starts.set(seed, known);
    return known;
  };
  let peer: Answering | undefined;
  const runs: Run[] = [];
  try {
    for (const setup of [...SETUPS, ...OWN]) {
      for (const seed of setup.weight === WEIGHTS[0] ? seeds : seeds.slice(0, FEW)) {
        const settings = { ...setup, ...sizes, without: setup.takes ? without : null, seed };
        const trace = await part(`${setup.name}, seed ${seed}`, settings, async (raw) => {
          const traced = await trained(setup, seed);
          raw(traced);
          return traced === null ? null : thinned(traced);
        });
        runs.push({ setup, seed, trace });
      }
    }
  } finally {
    peer?.stop();
    if (starts.size > 0) await rm(await folder(), { recursive: true, force: true });
  }
  return libraryOutcome(runs, without);

  async function trained(setup: Setup, seed: number): Promise<Traced | null> {
    const { batch, steps } = sizes;
    if (setup.commit === null) return trainOwn(sizes, setup, seed);
    if (!clone || python === undefined || dataDir === undefined) {
      log(`${setup.name} is not measured: pass a clone of lucidrains/vector-quantize-pytorch as --data, and --python.`);
      return null;
    }
    peer ??= startAnswering(python, [join(PACKAGE_FOLDER, 'peers/simvq_versions.py'), dataDir]);
    const { commit, rotation, weight } = setup;
    const start = await startOf(seed);
    const task = { commit, rotation, weight, start, steps, batch, without: setup.takes ? without : null };
    const answer = (await peer.ask(JSON.stringify(task))) as Traced | null;
    if (answer === null) log(`${setup.name} is not measured: ${dataDir} lacks the commit ${commit}.`);
    return answer;
  }
}

/** mse(z, q) of the first steps, which are compared one by one, then of every so many, and the last; of the reconstruction its end. */
function thinned({ error, reconstruction }: Traced): NonNullable<Run['trace']> {
  const step = error.flatMap((_, i) => (i <= 20 || i % EVERY === 0 || i === error.length - 1 ? [i] : []));
  const at = (values: readonly number[]): number[] => step.map((i) => Number((values[i] as number).toPrecision(6)));
  const [last = Number.NaN] = at(reconstruction).slice(-1);
  return { step, error: at(error), reconstruction: last };
}
