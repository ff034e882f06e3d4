import { describe, expect, it } from 'vitest';
import { createTracker } from '../src/index.ts';

describe('createTracker', () => {
  it('reports the example of the docstring', () => {
    const tracker = createTracker({ codebookSize: 256, window: 100 });
    tracker.update({ indices: Int32Array.of(3, 7, 3, -1) });
    const { tokens, usedCodes, perplexity, ignoredTokens } = tracker.report();
    expect([tokens, usedCodes, ignoredTokens]).toEqual([3, 2, 1]);
    expect(perplexity).toBeCloseTo(Math.exp(-(2 / 3) * Math.log(2 / 3) - (1 / 3) * Math.log(1 / 3)), 12);
  });
});
