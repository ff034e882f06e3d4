import { describe, expect, it } from 'vitest';
import type { TrackerUpdate } from '../src/index.ts';
import { tracked } from './tracked.ts';

describe('entropies', () => {
  it('are means over the window, weighted by tokens, beside what they can reach', () => {
    const update = (n: number, perSampleEntropy: number, codebookEntropy: number): TrackerUpdate => ({
      indices: new Int32Array(n),
      perSampleEntropy,
      codebookEntropy,
    });
    const updates = [update(100, 9, 9), update(8, 0.5, 2), update(24, 0.1, 3)];
    const { entropies } = tracked({ codebookSize: 16, window: 2 }, updates);
    expect(entropies?.perSample).toBeCloseTo((8 * 0.5 + 24 * 0.1) / 32, 12);
    expect(entropies?.codebook).toBeCloseTo((8 * 2 + 24 * 3) / 32, 12);
    expect(entropies?.logCodebookSize).toBeCloseTo(Math.log(16), 12);
    expect(entropies?.logTokens).toBeCloseTo((8 * Math.log(8) + 24 * Math.log(24)) / 32, 12);
    expect(entropies?.attainable).toBeCloseTo((8 * (Math.log(8) + 0.5) + 24 * Math.log(16)) / 32, 12);
  });

  it('are undefined where they were not given', () => {
    const indices = Int32Array.of(0);
    expect(tracked({ codebookSize: 2 }, [{ indices }]).entropies).toBeUndefined();
    const { entropies } = tracked({ codebookSize: 2 }, [{ indices }, { indices, codebookEntropy: 0.5 }]);
    expect(entropies).toMatchObject({ perSample: undefined, attainable: undefined, codebook: 0.5, logTokens: 0 });
  });
});
