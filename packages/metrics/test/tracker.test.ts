import { createRng, OptionError } from '@vqkit/core-tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTracker, type TrackerReport, type TrackerState } from '../src/index.ts';
import { tracked } from './tracked.ts';

/** Every statistic of code usage by its definition, from a flat list of ids. */
function bruteForce(ids: readonly number[], codebookSize: number): Record<string, number> {
  const used = [...new Set(ids)];
  const shares = used.map((code) => ids.filter((id) => id === code).length / ids.length);
  const entropy = -shares.reduce((sum, p) => sum + p * Math.log(p), 0);
  const expected = codebookSize * (1 - (1 - 1 / codebookSize) ** ids.length);
  return {
    tokens: ids.length,
    codebookSize,
    usedCodes: used.length,
    utilization: used.length / codebookSize,
    expectedUsedCodes: expected,
    utilizationOfExpected: ids.length === 0 ? 0 : used.length / expected,
    entropy,
    entropyBits: entropy / Math.log(2),
    perplexity: ids.length === 0 ? 0 : Math.exp(entropy),
    perplexityShare: ids.length === 0 ? 0 : Math.exp(entropy) / codebookSize,
    topCodeShare: Math.max(0, ...shares),
    deadCodes: codebookSize - used.length,
  };
}

const ages = (updates: readonly (readonly number[])[], code: number): number => {
  const last = updates.findLastIndex((ids) => ids.includes(code));
  return last < 0 ? -1 : updates.length - 1 - last;
};

describe('state and restore', () => {
  const random = createRng(3);
  const batch = (n: number) => ({
    indices: Int32Array.from({ length: 2 * n }, () => random.integer(9) - 1),
    latents: random.normalArray(3 * n, 1),
    codes: random.normalArray(3 * n, 1),
    perSampleEntropy: random.uniform(),
  });

  for (const window of [2, 'all'] as const) {
    it(`goes on as if nothing had happened: window ${window}, ages and all`, () => {
      const options = { codebookSize: 300, numCodebooks: 2, window };
      const [whole, before] = [createTracker(options), createTracker(options)];
      for (let i = 0; i < 4; i++) {
        const update = batch(20 + i);
        whole.update(update);
        before.update(update);
      }
      const after = createTracker(options);
      after.update(batch(5));
      after.restore(JSON.parse(JSON.stringify(before.state())));
      for (let i = 0; i < 3; i++) {
        expect(after.report()).toEqual(whole.report());
        for (const book of [0, 1]) expect(after.usage(book)).toEqual(whole.usage(book));
        expect(after.state()).toEqual(whole.state());
        const update = batch(10);
        whole.update(update);
        after.update(update);
      }
    });
  }

  it('restores an empty tracker, and refuses the state of another one', () => {
    const tracker = createTracker({ codebookSize: 4 });
    const { state } = createTracker({ codebookSize: 4 });
    tracker.update({ indices: Int32Array.of(1) });
    tracker.restore(state());
    expect(tracker.report().tokens).toBe(0);
    const other = createTracker({ codebookSize: 5 }).state();
    expect(() => tracker.restore(other)).toThrow(
      'createTracker().restore: state.codebookSize must be 4, got 5. Restore into a tracker with the same options.',
    );
    expect(() => tracker.restore({} as TrackerState)).toThrow(OptionError);
  });
});

describe('code usage', () => {
  const K = 16;
  const id = fc.integer({ min: -1, max: K - 1 });
  const runs = fc.array(fc.array(id, { maxLength: 12 }), { maxLength: 8 });

  for (const window of [1, 3, 'all'] as const) {
    it(`equals brute force over the window ${window}`, () => {
      fc.assert(
        fc.property(runs, (updates) => {
          const report = tracked(
            { codebookSize: K, window },
            updates.map((ids) => ({ indices: Int32Array.from(ids) })),
          );
          const inWindow = window === 'all' ? updates : updates.slice(-window);
          const ids = inWindow.flat().filter((code) => code >= 0);
          const expected = bruteForce(ids, K);
          for (const [name, value] of Object.entries(expected)) {
            expect(report[name as keyof TrackerReport], name).toBeCloseTo(value, 10);
          }
          expect(report.codebooks[0]).toMatchObject({ tokens: ids.length, usedCodes: expected.usedCodes });
          const seen = [...new Set(updates.flat())].filter((code) => code >= 0);
          expect(report.neverUsedCodes).toBe(K - seen.length);
          expect(report.oldestAge).toBe(Math.max(0, ...seen.map((code) => ages(updates, code))));
          expect(report.updates).toBe(inWindow.length);
          expect(report.totalUpdates).toBe(updates.length);
          expect(report.ignoredTokens).toBe(inWindow.flat().length - ids.length);
          expect(report.bitsPerToken).toBeCloseTo(expected.entropyBits as number, 10);
          expect(report.nominalBitsPerToken).toBe(4);
          report.codebooks[0]?.bitShares?.forEach((share, bit) => {
            const ones = ids.filter((code) => (code >> (3 - bit)) & 1).length;
            expect(share).toBeCloseTo(ids.length === 0 ? 0 : ones / ids.length, 10);
          });
        }),
      );
    });
  }

  it('lists codes, counts and ages, ascending', () => {
    const tracker = createTracker({ codebookSize: 10, window: 2 });
    for (const ids of [[7, 7, 1], [3], [3, 1]]) tracker.update({ indices: Int32Array.from(ids) });
    expect(tracker.usage()).toEqual({
      codes: Int32Array.of(1, 3, 7),
      counts: Float64Array.of(1, 2, 0),
      ages: Int32Array.of(0, 0, 2),
    });
    const { oldestAge, medianAge, neverUsedCodes, deadCodes } = tracker.report();
    expect({ oldestAge, medianAge, neverUsedCodes, deadCodes }).toEqual({
      oldestAge: 2,
      medianAge: 0,
      neverUsedCodes: 7,
      deadCodes: 8,
    });
  });

  it('gives the most significant bit first, and no bits where K is no power of two', () => {
    const indices = Int32Array.of(4, 4, 5, 0);
    expect(tracked({ codebookSize: 8 }, [{ indices }]).codebooks[0]?.bitShares).toEqual([0.75, 0, 0.25]);
    expect(tracked({ codebookSize: 6 }, [{ indices }]).codebooks[0]?.bitShares).toBeUndefined();
  });

  it('keeps codebooks apart and adds up their bits', () => {
    // Two codebooks: [0, 1, 2, 3] and [5, 5, 5, 5]; the last token has dropped its second codebook.
    const indices = Int32Array.of(0, 5, 1, 5, 2, 5, 3, -1);
    const report = tracked({ codebookSize: 8, numCodebooks: 2 }, [{ indices }]);
    expect(report.codebooks.map((book) => [book.tokens, book.usedCodes, book.perplexity])).toEqual([
      [4, 4, expect.closeTo(4, 10)],
      [3, 1, 1],
    ]);
    expect(report).toMatchObject({ tokens: 4, usedCodes: 5, codebookSize: 16, deadCodes: 11, ignoredTokens: 0 });
    expect(report.bitsPerToken).toBeCloseTo(2, 12);
    expect(report.nominalBitsPerToken).toBe(6);
    expect(report.utilization).toBe(5 / 16);
    expect(report.perplexity).toBeCloseTo(2, 12);
    expect(report.perplexityShare).toBeCloseTo((4 / 8 + 1 / 8) / 2, 12);
    expect(report.expectedUsedCodes).toBeCloseTo(8 * (1 - (7 / 8) ** 4) + 8 * (1 - (7 / 8) ** 3), 12);
  });

  it('counts nothing that is masked, and says when masked tokens carry an index', () => {
    const report = tracked({ codebookSize: 8, numCodebooks: 2 }, [
      { indices: Int32Array.of(1, 2, 3, 4, -1, -1, 5, -1), mask: [true, false, false, 1] },
    ]);
    expect(report).toMatchObject({ tokens: 2, ignoredTokens: 2, maskedTokensWithIndex: 1, usedCodes: 3 });
  });

  it('gives finite zeros for no update, no token and no real token', () => {
    const nothing = { tokens: 0, usedCodes: 0, entropy: 0, perplexity: 0, utilizationOfExpected: 0, deadCodes: 4 };
    const cases = [
      [],
      [{ indices: new Int32Array(0), latents: new Float32Array(0) }],
      [{ indices: Int32Array.of(-1), latents: Float32Array.of(1), codes: Float32Array.of(1), perSampleEntropy: 1 }],
      [{ indices: Int32Array.of(2), mask: [0] }],
    ];
    for (const updates of cases) {
      const report = tracked({ codebookSize: 4 }, updates);
      expect(report).toMatchObject(nothing);
      expect(report.latents).toBeUndefined();
      expect(report.entropies).toBeUndefined();
      for (const value of Object.values(report))
        if (typeof value === 'number') expect(value).toSatisfy(Number.isFinite);
    }
  });

  it('handles one code, 2^24 codes and 2^31 - 1 codes alike', () => {
    expect(tracked({ codebookSize: 1 }, [{ indices: Int32Array.of(0, 0) }])).toMatchObject({
      utilization: 1,
      utilizationOfExpected: 1,
      perplexity: 1,
      nominalBitsPerToken: 0,
    });
    for (const codebookSize of [2 ** 24, 2 ** 31 - 1]) {
      const report = tracked({ codebookSize, window: 2 }, [
        { indices: Int32Array.of(codebookSize - 1, 0) },
        { indices: Int32Array.of(12_345_678) },
        { indices: Int32Array.of(codebookSize - 1) },
      ]);
      expect(report).toMatchObject({ usedCodes: 2, neverUsedCodes: codebookSize - 3 });
      expect(report.expectedUsedCodes).toBeCloseTo(2, 6);
    }
  });

  it('forgets on reset, also the number of features', () => {
    const tracker = createTracker({ codebookSize: 4, window: 5 });
    const fresh = tracker.report();
    tracker.update({ indices: Int32Array.of(1), latents: Float32Array.of(1, 2) });
    tracker.reset();
    expect(tracker.report()).toEqual(fresh);
    tracker.update({ indices: Int32Array.of(1), latents: Float32Array.of(1, 2, 3) });
    expect(tracker.report().totalUpdates).toBe(1);
  });

  it('does not keep hold of the arrays it is given', () => {
    const tracker = createTracker({ codebookSize: 4, window: 1 });
    const indices = Int32Array.of(1, 1);
    tracker.update({ indices });
    indices.fill(3);
    tracker.update({ indices });
    expect(tracker.usage()).toMatchObject({ codes: Int32Array.of(1, 3), counts: Float64Array.of(0, 2) });
  });
});
