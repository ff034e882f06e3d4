import { expect, it } from 'vitest';
import { speechTokenizer } from '../experiments/speech-tokenizer.ts';
import type { ExperimentContext, Raw } from '../src/experiment.ts';
import { checkedOutcome } from '../src/result.ts';
import type { SoundRun } from '../src/sound/settings.ts';

/** A run as if its parts had been done: better by `gain` dB where vqkit did them. */
function context(python: string | undefined, gain: number, parts: string[]): ExperimentContext {
  return {
    quick: true,
    seeds: [1, 2, 3, 4, 5],
    cores: 2,
    python,
    dataDir: undefined,
    part: async <T>(name: string, _: unknown, __: (raw: Raw) => Promise<T>): Promise<T> => {
      parts.push(name);
      const seed = Number(name.at(-1));
      const own = (name.includes('residual') ? 4 : -20) + (name.includes('vqkit') ? gain : 0) + seed / 100;
      const plain = name.includes('straight-through');
      const mel = (name.includes('residual') ? 0.5 : plain ? 1.1 : 1) + seed / 1000;
      const run: SoundRun = {
        siSdrDb: own,
        melDistance: mel,
        stftDistance: 2,
        used: 9,
        perplexity: 4,
        latentRms: 0.1,
        commitment: (plain ? 2e-3 : 1e-3) * (1 + seed / 10),
        secondsPerStep: 0.1,
      };
      return run as T;
    },
    log: () => undefined,
    progress: () => undefined,
  };
}

it('compares with PyTorch by the interval of the means, and says which is best', async () => {
  for (const [gain, verdict] of [
    [0, 'reproduced'],
    [2, 'not reproduced'],
  ] as const) {
    const parts: string[] = [];
    const given = context('python', gain, parts);
    const outcome = checkedOutcome('speech-tokenizer', await speechTokenizer.run(given));
    expect(parts).toHaveLength((await speechTokenizer.parts?.(given)) ?? Number.NaN);
    expect(outcome.verdicts.find(({ claim }) => /the SI-SDR of PyTorch/.test(claim))?.verdict).toBe(verdict);
    expect(outcome.answer).toMatch(/^\*\*Residual FSQ, 4 layers: an SI-SDR of/);
    expect(JSON.stringify(outcome)).not.toMatch(/undefined|NaN/);
  }
});

it('compares the rotation trick with straight-through, each quantity by its interval', async () => {
  const { verdicts, answer } = await speechTokenizer.run(context('python', 0, []));
  const about = verdicts.filter(({ claim }) => claim.includes('the rotation trick'));
  expect(about.map(({ claim, verdict }) => `${claim.split('trick ')[1]}: ${verdict}`)).toEqual([
    'lowers the mel distance: reproduced',
    'raises the SI-SDR: undecided',
    'brings more codes into use: undecided',
    'lowers mse(z, q): reproduced',
  ]);
  expect(about[3]?.remark).toMatch(/^Ratio: 0\.5 times/);
  expect(answer).toContain('without (lowers the mel distance: yes)');
});

it('does without PyTorch', async () => {
  const { tables, answer } = await speechTokenizer.run(context(undefined, 0, []));
  expect(tables).toHaveLength(1);
  expect(answer).toContain('PyTorch was not measured');
});
