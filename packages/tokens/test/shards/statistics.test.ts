import { createRng } from '@vqkit/core-tensor';
import { describe, expect, it } from 'vitest';
import { countTokens, mergeStatistics, tokenReport } from '../../src/shards/statistics.ts';

describe('statistics', () => {
  it('of random splits add up to those of one count, bit for bit', () => {
    const rng = createRng(11);
    for (let round = 0; round < 30; round++) {
      const numCodebooks = 1 + (round % 3);
      const codebookSize = [1, 7, 1000, 2 ** 20][round % 4] as number;
      const examples = 2 + Math.floor(rng.uniform() * 60);
      const per = numCodebooks * (1 + Math.floor(rng.uniform() * 9));
      const ids = Int32Array.from({ length: examples * per }, () => Math.floor(rng.uniform() ** 3 * codebookSize));
      const whole = countTokens(ids, { examples, numCodebooks });
      const cuts = [0, ...Array.from({ length: round % 9 }, () => Math.floor(rng.uniform() * examples)), examples];
      cuts.sort((a, b) => a - b);
      const parts = cuts.slice(1).map((to, i) => {
        const from = cuts[i] as number;
        return countTokens(ids.subarray(from * per, to * per), { examples: to - from, numCodebooks });
      });
      const shuffled = [...createRng(round).permutation(parts.length)].map((i) => parts[i] as (typeof parts)[number]);
      const merged = mergeStatistics(shuffled);
      expect(merged).toEqual(whole);
      expect(tokenReport(merged, codebookSize)).toEqual(tokenReport(whole, codebookSize));
    }
  });

  it('count as counting by hand does', () => {
    const statistics = countTokens(Int32Array.of(3, 0, 1, -1, 3, 5), { examples: 3, numCodebooks: 2 });
    expect(statistics.codebooks).toEqual([
      { codes: [1, 3], counts: [1, 2] },
      { codes: [0, 5], counts: [1, 1] },
    ]);
    const [first, second] = tokenReport(statistics, 8);
    expect(first).toMatchObject({ tokens: 3, used: 2, dead: 6, codesOf90Percent: 2 });
    expect(first?.entropyBits).toBeCloseTo(-(Math.log2(2 / 3) * 2 + Math.log2(1 / 3)) / 3, 12);
    expect(second).toMatchObject({ tokens: 2, perplexity: 2 });
  });
});
