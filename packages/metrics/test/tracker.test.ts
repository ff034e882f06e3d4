import { createRng } from '@vqkit/core-tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTracker, type TrackerOptions, type TrackerReport, type TrackerUpdate } from '../src/index.ts';

function tracked(options: TrackerOptions, updates: readonly TrackerUpdate[]): TrackerReport {
  const tracker = createTracker(options);
  for (const update of updates) tracker.update(update);
  return tracker.report();
}

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

describe('latents and codes', () => {
  const dim = 3;
  const batch = (
    seed: number,
    n: number,
    offset: number,
  ): Required<Pick<TrackerUpdate, 'indices' | 'latents' | 'codes'>> => {
    const rng = createRng(seed);
    const latents = rng.normalArray(n * dim, 1).map((value) => value + offset);
    return {
      indices: Int32Array.from({ length: n }, () => rng.integer(9) - 1),
      latents,
      codes: latents.map((value) => value + 0.8 * rng.normal()),
    };
  };

  for (const window of [2, 'all'] as const) {
    for (const offset of [0, 1000]) {
      it(`equals brute force over the window ${window}, offset ${offset}`, () => {
        const batches = [batch(1, 20, offset), batch(2, 7, offset), batch(3, 11, offset + 2)];
        const { latents } = tracked({ codebookSize: 8, window }, batches);
        const pairs = (window === 'all' ? batches : batches.slice(-window)).flatMap(({ indices, latents, codes }) =>
          [...indices.keys()]
            .filter((n) => (indices[n] as number) >= 0)
            .map((n) => ({
              z: [...latents.subarray(n * dim, (n + 1) * dim)],
              q: [...codes.subarray(n * dim, (n + 1) * dim)],
            })),
        );
        const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
        const dot = (a: readonly number[], b: readonly number[]): number =>
          a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
        const perFeature = Array.from({ length: dim }, (_, i) => pairs.map(({ z }) => z[i] as number));
        const variance = mean(perFeature.map((column) => mean(column.map((value) => (value - mean(column)) ** 2))));
        const error = mean(pairs.flatMap(({ z, q }) => z.map((value, i) => (value - (q[i] as number)) ** 2)));
        expect(latents?.tokens).toBe(pairs.length);
        expect(latents?.rms).toBeCloseTo(Math.sqrt(mean(pairs.flatMap(({ z }) => z.map((value) => value * value)))), 9);
        expect(latents?.variance).toBeCloseTo(variance, 9);
        expect(latents?.pairs?.error).toBeCloseTo(error, 9);
        expect(latents?.pairs?.relativeError).toBeCloseTo(error / variance, 9);
        expect(latents?.pairs?.snrDb).toBeCloseTo(10 * Math.log10(variance / error), 9);
        expect(latents?.pairs?.obtuseShare).toBeCloseTo(mean(pairs.map(({ z, q }) => (dot(z, q) < 0 ? 1 : 0))), 12);
        const ratios = pairs.map(({ z, q }) => Math.log(Math.sqrt(dot(q, q) / dot(z, z))));
        expect(latents?.pairs?.normRatio).toBeCloseTo(Math.exp(mean(ratios)), 9);
      });
    }
  }

  it('compares with the first update since reset', () => {
    const indices = Int32Array.of(0, 1);
    const { latents } = tracked({ codebookSize: 2, window: 1 }, [
      { indices },
      { indices: Int32Array.of(-1, -1), latents: Float32Array.of(9, 9) },
      { indices, latents: Float32Array.of(1, -1) },
      { indices, latents: Float32Array.of(50, 50) },
    ]);
    expect(latents).toMatchObject({ initialRms: 1, rms: 50, variance: 0, pairs: undefined });
  });

  it('leaves zero vectors out of angles and ratios, and counts zero latents', () => {
    const { latents } = tracked({ codebookSize: 4 }, [
      {
        indices: Int32Array.of(0, 1, 2, 3),
        latents: Float32Array.of(0, 0, 3, 4, -1, 0, 1, 1),
        codes: Float32Array.of(1, 1, 6, 8, 2, 0, 0, 0),
        dim: 2,
      },
    ]);
    expect(latents?.zeroShare).toBe(0.25);
    expect(latents?.pairs?.obtuseShare).toBe(0.5);
    expect(latents?.pairs?.normRatio).toBeCloseTo(2, 12);
    const zeros = tracked({ codebookSize: 4 }, [
      { indices: Int32Array.of(0), latents: Float32Array.of(0), codes: Float32Array.of(1) },
    ]);
    expect(zeros.latents?.pairs).toMatchObject({
      obtuseShare: 0,
      normRatio: 0,
      relativeError: Number.POSITIVE_INFINITY,
    });
  });

  it('gives error 0 an infinite signal to noise ratio', () => {
    const z = Float32Array.of(1, 2);
    const { latents } = tracked({ codebookSize: 4 }, [{ indices: Int32Array.of(0, 1), latents: z, codes: z }]);
    expect(latents?.pairs).toMatchObject({ error: 0, relativeError: 0, snrDb: Number.POSITIVE_INFINITY });
  });

  it('does not look at padded tokens', () => {
    const { latents } = tracked({ codebookSize: 4 }, [
      { indices: Int32Array.of(0, 1, -1), mask: [1, 0, 1], latents: Float32Array.of(2, Number.NaN, Number.NaN) },
    ]);
    expect(latents).toMatchObject({ tokens: 1, rms: 2 });
  });
});

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

describe('bad input', () => {
  it('in options', () => {
    const bad =
      (options: object): (() => unknown) =>
      () =>
        createTracker(options as TrackerOptions);
    expect(bad({ codebookSize: 0 })).toThrow(
      'createTracker: codebookSize must be an integer >= 1, got 0. Use 1 or more.',
    );
    expect(bad({ codebookSize: 2 ** 31 })).toThrow('createTracker: codebookSize');
    expect(bad({ codebookSize: 4, numCodebooks: 1.5 })).toThrow('createTracker: numCodebooks');
    expect(bad({ codebookSize: 4, window: 0 })).toThrow(
      "createTracker: window (unless 'all') must be an integer >= 1, got 0",
    );
    expect(bad({ codebookSize: 4, windows: 3 })).toThrow("createTracker: options has no 'windows'");
  });

  const indices = Int32Array.of(0, 1, 2, 3);
  const eight = new Float32Array(8);
  const nan = Float32Array.of(0, 0, 0, 0, 0, Number.NaN, 0, 0);
  const cases: [what: string, update: object, error: string, name: string][] = [
    ['unknown key', { indices, latent: eight }, "createTracker().update: options has no 'latent'", 'OptionError'],
    ['list of indices', { indices: [1, 2] }, 'update: indices must be an Int32Array, got Array', 'DtypeError'],
    [
      'index too large',
      { indices: Int32Array.of(0, 1, 16) },
      'update: indices[2] must be in [0, 16) or -1 for padding, got 16',
      'DataError',
    ],
    [
      'index below -1',
      { indices: Int32Array.of(-1, -2) },
      'indices[1] must be in [0, 16) or -1 for padding, got -2',
      'DataError',
    ],
    ['mask too short', { indices, mask: [1, 1] }, 'mask must have one value per token, 4, got 2', 'ShapeError'],
    ['codes without latents', { indices, codes: eight }, 'latents must be given when codes are', 'OptionError'],
    [
      'latents too short',
      { indices, latents: new Float32Array(7), dim: 2 },
      'latents must have 4 tokens × 2 features = 8 elements, got 7',
      'ShapeError',
    ],
    [
      'codes too short',
      { indices, latents: eight, codes: new Float32Array(4) },
      'codes must have 4 tokens × 2 features = 8 elements, got 4',
      'ShapeError',
    ],
    ['bad dim', { indices, latents: eight, dim: 0 }, 'dim must be an integer >= 1, got 0', 'OptionError'],
    [
      'other dim',
      { indices, latents: new Float32Array(12), dim: 3 },
      'dim must stay 2 as in earlier updates, got 3',
      'ShapeError',
    ],
    [
      'list of latents',
      { indices, latents: [1, 2, 3, 4] },
      'latents must be a Float32Array, got [1,2,3,4]',
      'DtypeError',
    ],
    [
      'latents without tokens',
      { indices: new Int32Array(0), latents: eight },
      'latents must have 0 tokens',
      'ShapeError',
    ],
    ['NaN latent', { indices, latents: nan }, 'latents must be finite, got NaN at token 2, feature 1', 'DataError'],
    [
      'NaN code',
      { indices, latents: eight, codes: nan },
      'codes must be finite, got NaN at token 2, feature 1',
      'DataError',
    ],
    [
      'infinite latent',
      { indices, latents: eight.map(() => Number.NEGATIVE_INFINITY) },
      'got -Infinity at token 0, feature 0',
      'DataError',
    ],
    [
      'NaN entropy',
      { indices, perSampleEntropy: Number.NaN },
      'perSampleEntropy must be a finite number of nats, got NaN',
      'DataError',
    ],
    [
      'infinite entropy',
      { indices, codebookEntropy: Number.POSITIVE_INFINITY },
      'codebookEntropy must be a finite',
      'DataError',
    ],
  ];
  for (const [what, update, message, name] of cases) {
    it(`in an update, ${what}: throws and changes nothing`, () => {
      const tracker = createTracker({ codebookSize: 16, window: 3 });
      tracker.update({ indices, latents: eight.map((_, i) => i), codes: eight, codebookEntropy: 1 });
      const before = [tracker.report(), tracker.usage()];
      expect(() => tracker.update(update as TrackerUpdate)).toThrow(message);
      expect(() => tracker.update(update as TrackerUpdate)).toThrow(expect.objectContaining({ name }));
      expect([tracker.report(), tracker.usage()]).toEqual(before);
    });
  }

  it('in the number of indices, features and codebooks', () => {
    const tracker = createTracker({ codebookSize: 16, numCodebooks: 3 });
    expect(() => tracker.update({ indices })).toThrow('indices must hold 3 per token (numCodebooks), got 4 in all');
    const fresh = createTracker({ codebookSize: 16 });
    expect(() => fresh.update({ indices, latents: new Float32Array(6) })).toThrow(
      'createTracker().update: latents.length / N must be an integer >= 1, got 1.5',
    );
    expect(() => tracker.usage(3)).toThrow('createTracker().usage: codebook must be an integer from 0 to 2, got 3');
  });
});
