import { fullRun, titleIf } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { fleet } from '../experiments/fleet.ts';
import { workers } from '../experiments/workers.ts';
import type { Experiment, ExperimentContext, Outcome } from '../src/experiment.ts';
import { checkedOutcome } from '../src/result.ts';

/** As a machine without a Python does it; parts that are not given are worked out. */
async function run(experiment: Experiment, known: (name: string) => unknown): Promise<Outcome> {
  const context: ExperimentContext = {
    quick: true,
    seeds: [1],
    cores: 2,
    python: '/nowhere/python',
    dataDir: undefined,
    part: async <T>(name: string, _: unknown, work: (raw: () => void) => Promise<T>): Promise<T> =>
      (known(name) as T | undefined) ?? work(() => undefined),
    log: () => undefined,
    progress: () => undefined,
  };
  return checkedOutcome(experiment.name, await experiment.run(context));
}

describe('workers', () => {
  const real = titleIf(
    fullRun,
    'measures one worker and one per core on real pictures, and says that torch is not there',
  );
  it.skipIf(!fullRun)(real, async () => {
    const { tables, verdicts, answer } = await run(workers, (name) =>
      name.startsWith('cores') ? { count: 2, canPin: false } : undefined,
    );
    const rows = tables[0]?.rows ?? [];
    expect(rows.map(([name]) => name)).toEqual([
      'vqkit, one worker on one core',
      'vqkit, one worker',
      'vqkit, a worker per core',
      'torch, no loader process, on one core',
      'torch, DataLoader with a process per core',
    ]);
    expect(rows.map(([, median]) => typeof median === 'number' && median > 0)).toEqual([
      false,
      true,
      true,
      false,
      false,
    ]);
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['undecided', 'undecided']);
    expect(answer).toMatch(/^\*\*.*\*\* .*pictures per second.*\. torch was not measured\.$/);
  });

  it('compares a worker per core with as many times one, and with torch', async () => {
    const rates = { 'vqkit, one worker on one core': 100, 'vqkit, one worker': 130, 'vqkit, a worker per core': 190 };
    const { verdicts, answer } = await run(workers, (name) => {
      if (name.startsWith('whether')) return true;
      if (name.startsWith('cores')) return { count: 2, canPin: true };
      const [, own = 95] = Object.entries(rates).find(([row]) => name.startsWith(`${row}, turn`)) ?? [];
      return { perSecond: own, ...(name.startsWith('torch') ? { same: 0.999 } : {}) };
    });
    expect(verdicts.map(({ measured, verdict }) => [measured, verdict])).toEqual([
      ['0.95', 'reproduced'],
      ['2', 'reproduced'],
    ]);
    expect(answer).toMatch(
      /^\*\*2 workers on 2 cores encode 0\.95 of 2 times .*\*\* 190 pictures per second for 100; .* torch 95, with 99\.9 % of the ids/,
    );
  });
});

describe('fleet', () => {
  it('plans what every worker reads, and says where the queue saturates', async () => {
    const { tables, verdicts, answer } = await run(fleet, (name) => {
      const [, seconds] = /^shards of (.*) s$/.exec(name) ?? [];
      if (seconds === undefined) return undefined;
      const ideal = 1000 / Number(seconds);
      return { perSecond: Math.min(ideal, 6000), ideal, distinct: 100, done: 100 };
    });
    expect(tables[0]?.rows.map(([, perSecond]) => perSecond)).toEqual([1000, 5000, 6000]);
    const [plan = 0, read = 0, megabytes = 0] = (tables[1]?.rows[0] ?? []) as number[];
    expect([plan > 0, read > 0, megabytes > 0.1 && megabytes < 50]).toEqual([true, true, true]);
    expect(verdicts[0]?.verdict).toBe('reproduced');
    expect(answer).toMatch(/^\*\*At about 6,?000 shards a second/);
  });
});
