import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  codeHistogram,
  codesForShare,
  createTracker,
  entropyOfCounts,
  expectedUsedCodes,
  flipRate,
  giniCoefficient,
} from '../src/index.ts';

const histogram = fc
  .array(fc.nat({ max: 50 }), { minLength: 1, maxLength: 20 })
  .filter((counts) => counts.some((count) => count > 0));

describe('expectedUsedCodes', () => {
  it('is the expectation over all K^N draws', () => {
    for (const [k, n] of [
      [1, 3],
      [2, 5],
      [3, 4],
      [5, 3],
    ] as const) {
      let used = 0;
      for (let draw = 0; draw < k ** n; draw++) {
        used += new Set(Array.from({ length: n }, (_, i) => Math.floor(draw / k ** i) % k)).size;
      }
      expect(expectedUsedCodes(k, n)).toBeCloseTo(used / k ** n, 12);
    }
  });

  it('is 0 without tokens and keeps its precision for large codebooks', () => {
    expect(expectedUsedCodes(10, 0)).toBe(0);
    expect(expectedUsedCodes(1, 0)).toBe(0);
    // N - N(N-1)/(2K) + N(N-1)(N-2)/(6K²) for N much smaller than K; (1 - 1/K)^N itself would lose 7 digits here.
    const [k, n] = [2 ** 31 - 1, 1000];
    const series = n - (n * (n - 1)) / (2 * k) + (n * (n - 1) * (n - 2)) / (6 * k * k);
    expect(expectedUsedCodes(k, n) / series).toBeCloseTo(1, 13);
  });

  it('rejects bad arguments', () => {
    expect(() => expectedUsedCodes(0, 5)).toThrow(
      'expectedUsedCodes: codebookSize must be an integer >= 1, got 0. Use 1 or more.',
    );
    expect(() => expectedUsedCodes(4, -1)).toThrow('tokens must be an integer from 0');
  });
});

describe('entropyOfCounts', () => {
  it('is ln n for n equal counts, 0 for one code and for none', () => {
    expect(entropyOfCounts([7, 7, 7, 7, 7])).toBeCloseTo(Math.log(5), 14);
    expect(entropyOfCounts([3])).toBe(0);
    expect(entropyOfCounts([])).toBe(0);
    expect(entropyOfCounts([0, 0])).toBe(0);
  });

  it('lies in [0, ln used] and does not see absent codes or scale', () => {
    fc.assert(
      fc.property(histogram, (counts) => {
        const entropy = entropyOfCounts(counts);
        expect(entropy).toBeGreaterThanOrEqual(0);
        expect(entropy).toBeLessThanOrEqual(Math.log(counts.filter((count) => count > 0).length) + 1e-12);
        expect(entropyOfCounts([...counts, 0])).toBe(entropy);
        expect(entropyOfCounts(counts.map((count) => 4 * count))).toBeCloseTo(entropy, 12);
      }),
    );
  });

  it('rejects counts that are no counts, with their position', () => {
    expect(() => entropyOfCounts([1, -2])).toThrow(
      'entropyOfCounts: counts[1] must be a finite number >= 0, got -2. Pass a histogram.',
    );
    expect(() => entropyOfCounts([Number.NaN])).toThrow('counts[0] must be a finite number >= 0, got NaN');
  });
});

describe('codeHistogram', () => {
  it('counts every index but padding', () => {
    expect([...codeHistogram(Int32Array.of(2, 0, 2, -1), 4)]).toEqual([1, 0, 2, 0]);
  });

  it('names the position of an index out of range', () => {
    expect(() => codeHistogram(Int32Array.of(0, 4), 4)).toThrow(
      'codeHistogram: indices[1] must be in [0, 4) or -1 for padding, got 4. Pass the codebookSize of the quantizer that made them.',
    );
    expect(() => codeHistogram(Int32Array.of(-2), 4)).toThrow('indices[0]');
    expect(() => codeHistogram([1, 2] as unknown as Int32Array, 4)).toThrow(
      'codeHistogram: indices must be an Int32Array, got Array. Pass the data of an int32 tensor: await indices.data().',
    );
    expect(() => codeHistogram(Int32Array.of(0), 0.5)).toThrow('codebookSize must be an integer >= 1');
  });
});

describe('giniCoefficient', () => {
  it('equals the mean absolute difference of all pairs over twice the mean', () => {
    fc.assert(
      fc.property(histogram, fc.nat({ max: 10 }), (counts, absent) => {
        const all = [...counts, ...new Array<number>(absent).fill(0)];
        let differences = 0;
        for (const a of all) for (const b of all) differences += Math.abs(a - b);
        const total = all.reduce((sum, count) => sum + count, 0);
        expect(giniCoefficient(counts, all.length)).toBeCloseTo(differences / (2 * all.length * total), 12);
        expect(giniCoefficient(all)).toBeCloseTo(differences / (2 * all.length * total), 12);
      }),
    );
  });

  it('is 0 when all codes are used equally and 1 - 1/K when one takes all', () => {
    expect(giniCoefficient([5, 5, 5])).toBe(0);
    expect(giniCoefficient([9], 100)).toBeCloseTo(0.99, 14);
    expect(giniCoefficient([0, 0])).toBe(0);
  });

  it('rejects fewer codes than counts', () => {
    expect(() => giniCoefficient([1, 2, 3], 2)).toThrow('giniCoefficient: codebookSize must be an integer >= 3, got 2');
    expect(() => giniCoefficient([1, Number.POSITIVE_INFINITY])).toThrow('counts[1]');
  });
});

describe('codesForShare', () => {
  it('is the smallest set that covers the share', () => {
    expect(codesForShare([5, 70, 5, 20], 0.9)).toBe(2);
    expect(codesForShare([5, 70, 5, 20], 0.91)).toBe(3);
    expect(codesForShare([5, 70, 5, 20], 1)).toBe(4);
    expect(codesForShare([], 0.5)).toBe(0);
    fc.assert(
      fc.property(histogram, fc.double({ min: 0.01, max: 1, noNaN: true }), (counts, share) => {
        const total = counts.reduce((sum, count) => sum + count, 0);
        const largest = (n: number): number =>
          [...counts]
            .sort((a, b) => b - a)
            .slice(0, n)
            .reduce((sum, count) => sum + count, 0);
        const n = codesForShare(counts, share);
        expect(largest(n)).toBeGreaterThanOrEqual(share * total);
        expect(largest(n - 1)).toBeLessThan(share * total);
      }),
    );
  });

  it('rejects a share outside (0, 1]', () => {
    for (const share of [0, 1.5, Number.NaN]) {
      expect(() => codesForShare([1], share)).toThrow('codesForShare: share must be a number above 0 and at most 1');
    }
  });
});

describe('flipRate', () => {
  it('is the share of positions that differ, padding in both left out', () => {
    expect(flipRate(Int32Array.of(3, 1, 4, 1), Int32Array.of(3, 1, 5, 1))).toBe(0.25);
    expect(flipRate(Int32Array.of(-1, 1, -1), Int32Array.of(-1, 1, 2))).toBe(0.5);
    expect(flipRate(Int32Array.of(-1), Int32Array.of(-1))).toBe(0);
  });

  it('rejects different lengths and other arrays', () => {
    expect(() => flipRate(Int32Array.of(1), Int32Array.of(1, 2))).toThrow(
      'flipRate: indicesB must be as long as indicesA (1), got 2. Encode the same input twice.',
    );
    expect(() => flipRate(new Float32Array(1) as unknown as Int32Array, Int32Array.of(1))).toThrow(
      'flipRate: indicesA must be an Int32Array, got Float32Array',
    );
    expect(() => flipRate(Int32Array.of(1), null as unknown as Int32Array)).toThrow('got null');
  });
});

it('takes the counts of a tracker as a sparse histogram', () => {
  const indices = Int32Array.of(9, 2, 9, 9, 5);
  const tracker = createTracker({ codebookSize: 16 });
  tracker.update({ indices });
  const { counts } = tracker.usage();
  expect(giniCoefficient(counts, 16)).toBeCloseTo(giniCoefficient(codeHistogram(indices, 16)), 14);
});
