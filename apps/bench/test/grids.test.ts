import { describe, expect, it } from 'vitest';
import type { ExperimentContext, Outcome } from '../src/experiment.ts';
import { experiments } from '../src/registry.ts';
import { checkedOutcome } from '../src/result.ts';

/** What a part of each experiment keeps of one seed, and, where it may, of one that diverged. */
const KEPT: Readonly<Record<string, readonly object[]>> = {
  'lfq-remedies': [
    {
      steps: [0, 12, 23],
      rms: [0.2, 5, 90],
      entropy: 0.1,
      pulls: [5, 0.1],
      used: 300,
      share: 0.2,
      error: 0.4,
      psnr: null,
    },
    {
      steps: [0, 12],
      rms: [0.2, null],
      entropy: null,
      pulls: [5, null],
      used: null,
      share: null,
      error: null,
      psnr: null,
    },
  ],
  'simvq-rotation-rate': [
    { raw: 0.01, relative: 0.3, error: 0.35, used: 200 },
    { raw: null, relative: null, error: null, used: null },
  ],
  'lfq-softness': [{ before: 0.4, after: 0.3, error: 0.5, share: 0.6 }],
  'simvq-speech-conv': [
    {
      step: [0, 2, 3],
      first: [5, 4, 3],
      second: [1.2, 1, 0.7],
      reconstruction: [2, 2, 1],
      rms: [0.1, 0.1, 0.1],
      used: 9,
    },
  ],
};

function contextOf(kept: object, parts: string[]): ExperimentContext {
  return {
    quick: true,
    seeds: [1, 2, 3, 4],
    cores: 2,
    python: undefined,
    dataDir: undefined,
    async part<T>(name: string, settings: Readonly<Record<string, unknown>>): Promise<T> {
      parts.push(name);
      // The seeds differ a little, as trainings do.
      const varied = (seed: number): object =>
        Object.fromEntries(
          Object.entries(kept).map(([key, value]) => [
            key,
            typeof value === 'number' ? value * (1 + seed / 100) : value,
          ]),
        );
      if ('seeds' in settings) return (settings.seeds as number[]).map(varied) as T;
      return { found: true, variance: 1, name: 'speech', silence: 0 } as T;
    },
    log: () => undefined,
    progress: () => undefined,
  };
}

const cases = Object.entries(KEPT).flatMap(([name, kept]) =>
  kept.map((each, i) => [name, i === 0 ? 'trained' : 'diverged', each] as const),
);

describe.each(cases)('%s of seeds that all have %s', (name, state, kept) => {
  it('writes tables, pictures and an answer without gaps, from as many parts as it announces', async () => {
    const experiment = await experiments.find((each) => each.name === name)?.load();
    if (experiment === undefined) throw new Error(`no experiment ${name}`);
    const parts: string[] = [];
    const given = contextOf(kept, parts);
    const outcome: Outcome = checkedOutcome(name, await experiment.run(given));
    expect(new Set(parts).size).toBe(parts.length);
    expect(parts).toHaveLength((await experiment.parts?.(given)) ?? Number.NaN);
    const text = JSON.stringify(outcome);
    expect(text).not.toMatch(/undefined|\[object|Infinity/);
    if (state === 'trained') expect(text).not.toMatch(/NaN/);
    expect(outcome.verdicts.length).toBeGreaterThan(1);
  });
});
