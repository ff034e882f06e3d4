import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSafetensors } from '@vqkit/checkpoint/node';
import { expect, it } from 'vitest';
import { lfqLibrary } from '../experiments/lfq-library.ts';
import { simVqLibrary } from '../experiments/simvq-library.ts';
import type { Experiment, ExperimentContext, Outcome } from '../src/experiment.ts';
import { libraryOutcome } from '../src/library/outcome.ts';
import { OWN, type Run, SETUPS } from '../src/library/setups.ts';
import { writeStart } from '../src/library/train.ts';
import { checkedOutcome } from '../src/result.ts';

/** What an experiment says where nothing that it needs is there. */
async function without(experiment: Experiment): Promise<Outcome> {
  const context: ExperimentContext = {
    quick: true,
    seeds: [1],
    cores: 2,
    python: undefined,
    dataDir: undefined,
    part: async <T>(name: string, _: unknown, work: (raw: () => void) => Promise<T>): Promise<T> =>
      name.startsWith('vqkit') ? (null as T) : work(() => undefined),
    log: () => undefined,
    progress: () => undefined,
  };
  return checkedOutcome(experiment.name, await experiment.run(context));
}

it.each([simVqLibrary, lfqLibrary])('shows releases that are not there as absent: $name', async (experiment) => {
  const outcome = await without(experiment);
  expect(outcome.answer).toMatch(/not .*measured/i);
  expect(outcome.verdicts.map(({ verdict }) => verdict)).toEqual(outcome.verdicts.map(() => 'beyond reach here'));
  expect(JSON.stringify(outcome)).not.toMatch(/undefined|NaN|Infinity/);
});

it('finds the half of the loss that was taken away, and where vqkit leaves a release', () => {
  const step = [0, 400, 800, 1199];
  const errorOf = ({ both, takes }: Run['setup']): number[] => {
    if (!both) return [0.04, 0.3, 0.2, 0.2];
    return takes ? [0.04, 1e-4, 0.2, 2e-4] : [0.04, 1e-4, 6e-5, 5e-5];
  };
  const runs = [...SETUPS, ...OWN].flatMap((setup) =>
    [1, 2, 3].map((seed): Run => {
      // The second seed of vqkit starts a hundredth too high.
      const start = setup.commit === null && seed === 2 ? 1.01 : 1;
      const error = errorOf(setup).map((value, i) => value * (1 + 0.01 * seed) * (i === 0 ? start : 1));
      return { setup, seed, trace: { step, error, reconstruction: error.at(-1) ?? 0 } };
    }),
  );
  const { answer, verdicts } = libraryOutcome(runs, [400, 800]);
  expect(answer).toMatch(/^\*\*Yes/);
  const told = verdicts.map(({ verdict }) => verdict);
  // With the trick on and off both halves end alike here; and 0.01 is more than 0.001.
  const each = ['reproduced', 'undecided', 'reproduced', 'reproduced'];
  expect(told).toEqual([...each, ...each.slice(0, 2), 'not reproduced']);
});

it("writes the initial weights under PyTorch's names, and the vectors of all steps", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
  try {
    const sizes = { dim: 4, hidden: 8, codebookSize: 16, vectors: 64 };
    const { tensors } = await readSafetensors(await writeStart(join(folder, 'start.safetensors'), sizes, 1));
    const shapes = Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));
    expect(shapes).toEqual({
      'encoder.1.weight': [8, 32],
      'encoder.1.bias': [8],
      'encoder.2.weight': [4, 8],
      'encoder.2.bias': [4],
      'decoder.1.weight': [8, 4],
      'decoder.1.bias': [8],
      'decoder.2.weight': [32, 8],
      'decoder.2.bias': [32],
      'quantizer.code_transform.0.weight': [8, 4],
      'quantizer.code_transform.0.bias': [8],
      'quantizer.code_transform.2.weight': [4, 8],
      'quantizer.code_transform.2.bias': [4],
      'quantizer.frozen_codebook': [16, 4],
      vectors: [64, 32],
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
