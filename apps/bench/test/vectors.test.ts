import { describe, expect, it } from 'vitest';
import { vectors } from '../experiments/vectors.ts';
import type { ExperimentContext, Outcome } from '../src/experiment.ts';
import { checkedOutcome } from '../src/result.ts';
import type { VectorTimes } from '../src/vectors/task.ts';

const times = (error: number, train: number, encode: readonly number[]): VectorTimes => {
  const spent = (ms: number) => ({ wall: 2 * ms, processor: ms });
  return { error, train: spent(train), encode: encode.map(spent) };
};

/** Where nothing is there but the clusters. */
const run = async (ofPart: (name: string) => VectorTimes): Promise<Outcome> => {
  const context: ExperimentContext = {
    quick: true,
    seeds: [1],
    cores: 2,
    python: undefined,
    dataDir: undefined,
    part: async <T>(name: string): Promise<T> =>
      (name.startsWith('whether ') ? name.includes('clusters') : ofPart(name)) as T,
    log: () => undefined,
    progress: () => undefined,
  };
  return checkedOutcome('vectors', await vectors.run(context));
};

describe('vectors', () => {
  it('says that faiss was not measured where there is none', async () => {
    const outcome = await run(() => times(0.4, 1000, [300, 200]));
    expect(outcome.tables).toHaveLength(1);
    expect(outcome.tables[0]?.rows[0]).toEqual(['vqkit, residual VQ', 1, 0.4, 1, 2, 0.2, 0.4]);
    expect(outcome.tables[0]?.rows[1]?.slice(2)).toEqual([null, null, null, null, null]);
    expect(outcome.verdicts.map(({ verdict }) => verdict)).toEqual(['undecided', 'undecided', 'undecided']);
  });
});
