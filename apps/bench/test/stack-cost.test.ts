import { describe, expect, it } from 'vitest';
import { stackCost } from '../experiments/stack-cost.ts';
import type { ExperimentContext, Outcome } from '../src/experiment.ts';
import { checkedOutcome } from '../src/result.ts';
import type { StackTimes } from '../src/stacks/task.ts';

const run = async (times: readonly StackTimes[]): Promise<Outcome> => {
  const context: ExperimentContext = {
    quick: true,
    seeds: [1],
    cores: 2,
    python: undefined,
    dataDir: undefined,
    part: async <T>(): Promise<T> => times as T,
    log: () => undefined,
    progress: () => undefined,
  };
  return checkedOutcome('stack-cost', await stackCost.run(context));
};

describe('stack-cost', () => {
  it('compares the least time of a stack with that of eight layers', async () => {
    const outcome = await run([{ work: 'encode', one: [3, 2, 4], stack: [20, 16.8, 17] }]);
    const [row] = outcome.tables[0]?.rows ?? [];
    expect(row?.slice(1)).toEqual(['encode', 2, 16.8, 1.05]);
    expect(outcome.verdicts[0]?.verdict).toBe('reproduced');
    expect(outcome.measurements?.[0]?.samples).toEqual([20, 16.8, 17]);
  });

  it('says which stack costs more', async () => {
    const outcome = await run([
      { work: 'encode', one: [1], stack: [4] },
      { work: 'decode', one: [1], stack: [12] },
    ]);
    expect(outcome.verdicts[0]).toMatchObject({ verdict: 'not reproduced', remark: '4 of 8 rows.' });
    expect(outcome.answer).toContain('decode, with\n1.5 times');
  });
});
