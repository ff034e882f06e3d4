import { describe, expect, it } from 'vitest';
import { vectors } from '../experiments/vectors.ts';
import type { ExperimentContext, Outcome } from '../src/experiment.ts';
import { checkedOutcome } from '../src/result.ts';
import type { VectorTimes } from '../src/vectors/task.ts';

const times = (error: number, train: number, encode: readonly number[]): VectorTimes => {
  const spent = (ms: number) => ({ wall: 2 * ms, processor: ms });
  return { error, train: spent(train), encode: encode.map(spent) };
};

const run = async (python: string, ofPart: (name: string) => VectorTimes): Promise<Outcome> => {
  const context: ExperimentContext = {
    quick: true,
    seeds: [1],
    python,
    dataDir: undefined,
    part: async <T>(name: string): Promise<T> => ofPart(name) as T,
    log: () => undefined,
    progress: () => undefined,
  };
  return checkedOutcome('vectors', await vectors.run(context));
};

describe('vectors', () => {
  it('says that faiss was not measured where there is none', async () => {
    const outcome = await run('no-such-python', () => times(0.4, 1000, [300, 200]));
    expect(outcome.tables).toHaveLength(1);
    expect(outcome.tables[0]?.rows[0]).toEqual(['vqkit, residual VQ', 1, 0.4, 1, 2, 0.2, 0.4]);
    expect(outcome.tables[0]?.rows[1]?.slice(2)).toEqual([null, null, null, null, null]);
    expect(outcome.verdicts.map(({ verdict }) => verdict)).toEqual(['undecided', 'undecided', 'undecided']);
  });
});
