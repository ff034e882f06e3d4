import { createRng } from '@vqkit/core-tensor';
import { describe, expect, it } from 'vitest';
import {
  createTracker,
  type DiagnoseContext,
  type Diagnosis,
  diagnose,
  type Problem,
  type TrackerOptions,
  type TrackerReport,
  type TrackerUpdate,
  usedCodebookRank,
} from '../src/index.ts';

function reportOf(options: TrackerOptions, ...updates: readonly TrackerUpdate[]): TrackerReport {
  const tracker = createTracker(options);
  for (const update of updates) tracker.update(update);
  return tracker.report();
}

/** N ids, uniform over `codes` codes of K. */
const uniformIds = (n: number, codes: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i % codes);

/**
 * Ids whose histogram has the given number of used codes and, to a few percent, the given perplexity: a share of the tokens spread
 * over all used codes, the rest halved from code to code, as the background of pictures takes a few codes.
 */
function skewedIds(n: number, used: number, perplexity: number): Int32Array {
  const make = (spread: number): Int32Array =>
    Int32Array.from({ length: n }, (_, i) => {
      if (i < spread * n) return i % used;
      return Math.min(used - 1, Math.floor(Math.log2((n * (1 - spread)) / (n - i))));
    });
  let [low, high] = [used / n, 1];
  for (let step = 0; step < 20; step++) {
    const spread = (low + high) / 2;
    if (reportOf({ codebookSize: used }, { indices: make(spread) }).perplexity < perplexity) low = spread;
    else high = spread;
  }
  return make(high);
}

/** Latents of a fitted quantizer: codes of length about 1 and a little noise. */
function fitted(indices: Int32Array, dim: number, noise: number): Pick<TrackerUpdate, 'indices' | 'latents' | 'codes'> {
  const table = createRng(1).normalArray(4096 * dim, 1 / Math.sqrt(dim));
  const rng = createRng(2);
  const codes = Float32Array.from({ length: indices.length * dim }, (_, i) => {
    const code = indices[Math.floor(i / dim)] as number;
    return table[code * dim + (i % dim)] as number;
  });
  return { indices, codes, latents: codes.map((value) => value + noise * rng.normal()) };
}

const problems = (report: TrackerReport, context?: DiagnoseContext): Problem[] =>
  diagnose(report, context).map(({ problem }) => problem);

function only(report: TrackerReport, context?: DiagnoseContext): Diagnosis {
  const found = diagnose(report, context);
  expect(found).toHaveLength(1);
  return found[0] as Diagnosis;
}

describe('healthy runs', () => {
  // The reference library's recipe on MNIST: 10,000 test images of 49 tokens; used codes and perplexity as measured there.
  const recipe = [
    { method: 'FSQ', codebookSize: 240, used: 231, perplexity: 36 },
    { method: 'FSQ', codebookSize: 240, used: 152, perplexity: 25 },
    { method: 'LFQ', codebookSize: 256, used: 256, perplexity: 212 },
    { method: 'LFQ', codebookSize: 256, used: 256, perplexity: 202 },
    { method: 'SimVQ', codebookSize: 256, used: 254, perplexity: 31, rotationTrick: true },
    { method: 'SimVQ', codebookSize: 256, used: 255, perplexity: 29, rotationTrick: true },
  ];
  for (const { codebookSize, used, perplexity, ...context } of recipe) {
    it(`${context.method} with ${used} of ${codebookSize} codes and perplexity ${perplexity}`, () => {
      const report = reportOf({ codebookSize }, fitted(skewedIds(50_000, used, perplexity), 8, 0.1));
      expect(report.usedCodes).toBe(used);
      expect(report.perplexity / perplexity).toBeCloseTo(1, 1);
      expect(diagnose(report, context)).toEqual([]);
    });
  }

  it('a batch much smaller than its codebook', () => {
    const indices = Int32Array.from({ length: 12_544 }, (_, i) => (i * 40_503) % 2 ** 18);
    expect(diagnose(reportOf({ codebookSize: 2 ** 18 }, { indices }), { method: 'LFQ' })).toEqual([]);
  });

  it('tiny codebooks', () => {
    for (const codebookSize of [1, 2, 3]) {
      const indices = uniformIds(2000, codebookSize);
      const report = reportOf(
        { codebookSize },
        { indices, perSampleEntropy: 0, codebookEntropy: Math.log(codebookSize) },
      );
      expect(diagnose(report, { method: 'LFQ' })).toEqual([]);
    }
  });
});

describe('no tokens', () => {
  it('is found when nothing counted', () => {
    const report = reportOf({ codebookSize: 4 }, { indices: Int32Array.of(-1, -1) });
    expect(only(report)).toMatchObject({
      problem: 'no tokens',
      severity: 'critical',
      evidence: '0 tokens were counted in 1 updates; 2 were padding.',
    });
    expect(problems(createTracker({ codebookSize: 4 }).report())).toEqual(['no tokens']);
  });

  it('is not found when one token counted', () => {
    expect(problems(reportOf({ codebookSize: 4 }, { indices: Int32Array.of(0) }))).toEqual([]);
  });
});

describe('collapse', () => {
  it('is found by the share of codes used, with the numbers', () => {
    const { severity, evidence, remedy } = only(reportOf({ codebookSize: 1024 }, { indices: uniformIds(50_000, 20) }));
    expect(severity).toBe('critical');
    expect(evidence).toBe(
      '20 of 1,024 codes used by 50,000 tokens (uniform draws would use 1,024), perplexity 20, the top code takes 5 %; limits: 20 % of the expected codes, perplexity 2.',
    );
    expect(remedy).toContain('gradient reaches the encoder');
    expect(only(reportOf({ codebookSize: 1024 }, { indices: uniformIds(50_000, 150) })).severity).toBe('warning');
    expect(problems(reportOf({ codebookSize: 1024 }, { indices: uniformIds(50_000, 250) }))).toEqual([]);
  });

  it('is found by a perplexity near 1 although every code is used', () => {
    const indices = new Int32Array(50_000);
    indices.set(uniformIds(256, 256));
    const report = reportOf({ codebookSize: 256 }, { indices });
    expect(report.utilization).toBe(1);
    expect(only(report)).toMatchObject({ problem: 'collapse', severity: 'critical' });
  });

  it('is not judged on a few tokens', () => {
    expect(problems(reportOf({ codebookSize: 1024 }, { indices: new Int32Array(999) }))).toEqual([]);
    expect(problems(reportOf({ codebookSize: 1024 }, { indices: new Int32Array(1000) }))).toEqual(['collapse']);
  });

  it('names the codebook and fits the remedy to the method', () => {
    const indices = Int32Array.from({ length: 20_000 }, (_, i) => (i % 2 === 0 ? (i / 2) % 64 : 3));
    const report = reportOf({ codebookSize: 64, numCodebooks: 2 }, { indices });
    const { evidence } = only(report);
    expect(evidence).toMatch(/^codebook 1: 1 of 64 codes/);
    expect(evidence).not.toContain('codebook 0');
    const remedies = ['LFQ', 'FSQ', 'SimVQ', 'VQ', undefined].map((method) => diagnose(report, { method })[0]?.remedy);
    expect(new Set(remedies).size).toBe(5);
  });
});

describe('scale drift', () => {
  const indices = uniformIds(2560, 256);
  const withScale = (scale: number): TrackerReport => {
    const { latents, ...rest } = fitted(indices, 8, 0.05) as Required<TrackerUpdate>;
    return reportOf({ codebookSize: 256 }, { ...rest, latents: latents.map((value) => scale * value) });
  };

  it('is found when the latents have outgrown their codes', () => {
    expect(only(withScale(1500), { method: 'LFQ' })).toMatchObject({
      problem: 'scale drift',
      severity: 'critical',
      evidence: expect.stringMatching(
        /^Latents have rms \d+, 1 times that at the start; codes are 0\.00066 times as long as their latents \(limit 0\.1\)\.$/,
      ),
      remedy: expect.stringContaining('never changes an LFQ index'),
    });
    expect(only(withScale(20), { method: 'SimVQ' }).remedy).toContain('both halves of the loss');
    expect(only(withScale(20)).severity).toBe('warning');
    for (const scale of [1 / 8, 1, 5]) expect(problems(withScale(scale))).toEqual([]);
  });

  it('is found without codes: by the rms of a code, else by the growth', () => {
    const latents = (rms: number): TrackerUpdate => ({ indices, latents: new Float32Array(2560).fill(rms) });
    const grown = reportOf({ codebookSize: 256, window: 1 }, latents(1), latents(1400));
    expect(only(grown).evidence).toBe('Latents have rms 1400, 1400 times that at the start (limit 100).');
    expect(problems(grown, { codeRms: 1 })).toEqual(['scale drift']);
    expect(problems(grown, { codeRms: 1000 })).toEqual([]);
    expect(problems(grown, { initialRms: 700 })).toEqual([]);
    const later = reportOf({ codebookSize: 256 }, latents(1400));
    expect(problems(later)).toEqual([]);
    expect(problems(later, { initialRms: 1 })).toEqual(['scale drift']);
    expect(problems(reportOf({ codebookSize: 256, window: 1 }, latents(0), latents(5)))).toEqual([]);
  });
});

describe('saturated probabilities', () => {
  const report = (perSampleEntropy: number, codebookEntropy?: number): TrackerReport =>
    reportOf({ codebookSize: 1024 }, { indices: uniformIds(20_000, 400), perSampleEntropy, codebookEntropy });

  it('are found when no bit has a gradient and the batch entropy is not there', () => {
    // Latents of rms 1,500 at inverse temperature 100: 2e-6 nats per bit; perplexity .4 K.
    expect(only(report(2e-5, Math.log(410)))).toMatchObject({
      problem: 'saturated probabilities',
      severity: 'warning',
      evidence: expect.stringContaining(
        '0.00002 nats, 0.000002 per bit (limit 0.0001), while the codebook entropy is 6.02 of 6.93',
      ),
    });
    expect(problems(report(0))).toEqual(['saturated probabilities']);
  });

  it('are not found with live bits, nor once the batch entropy has arrived', () => {
    expect(problems(report(0.03, Math.log(410)))).toEqual([]);
    expect(problems(report(0, Math.log(1000)))).toEqual([]);
  });
});

describe('over-rotation', () => {
  const dim = 8;
  const report = (obtuse: number, scale: number): TrackerReport => {
    const { latents, codes, indices } = fitted(uniformIds(2560, 256), dim, 0.01) as Required<TrackerUpdate>;
    const flipped = (codes as Float32Array).map(
      (value, i) => (Math.floor(i / dim) < obtuse * 2560 ? -1 : 1) * scale * value,
    );
    return reportOf({ codebookSize: 256 }, { indices, latents, codes: flipped });
  };

  it('is found when latents point away from their codes, or codes are much longer', () => {
    expect(only(report(0.1, 1), { rotationTrick: true })).toMatchObject({
      problem: 'over-rotation',
      severity: 'warning',
      evidence: expect.stringMatching(/^10 % of the latents are more than 90° from their code \(limit 5 %\)/),
    });
    expect(only(report(0.3, 1), { rotationTrick: true }).severity).toBe('critical');
    expect(only(report(0, 15), { rotationTrick: true })).toMatchObject({
      problem: 'over-rotation',
      severity: 'warning',
    });
  });

  it('is not found without the trick or with acute pairs', () => {
    expect(problems(report(0.3, 15))).toEqual([]);
    expect(problems(report(0.3, 15), { rotationTrick: false })).toEqual([]);
    expect(problems(report(0.02, 2), { rotationTrick: true })).toEqual([]);
  });
});

describe('padded tokens counted', () => {
  it('is found when masked tokens carry an index', () => {
    const indices = uniformIds(2000, 64);
    const mask = Uint8Array.from(indices, (_, n) => (n < 1900 ? 1 : 0));
    expect(only(reportOf({ codebookSize: 64 }, { indices, mask }))).toMatchObject({
      problem: 'padded tokens counted',
      evidence: '100 masked tokens carry an index instead of -1.',
      remedy: expect.stringContaining('mask'),
    });
    indices.fill(-1, 1900);
    expect(problems(reportOf({ codebookSize: 64 }, { indices, mask }))).toEqual([]);
  });

  it('is found when more tokens were counted than are real', () => {
    const report = reportOf({ codebookSize: 64 }, { indices: uniformIds(2000, 64) });
    expect(only(report, { realTokens: 1500 }).evidence).toBe('2,000 tokens were counted but 1,500 are real.');
    expect(problems(report, { realTokens: 2000 })).toEqual([]);
    expect(problems(report)).toEqual([]);
  });

  it('is found when latents are exactly zero', () => {
    const report = (zeros: number): TrackerReport => {
      const { indices, latents, codes } = fitted(uniformIds(2000, 64), 4, 0.1) as Required<TrackerUpdate>;
      return reportOf(
        { codebookSize: 64 },
        { indices, codes, latents: (latents as Float32Array).fill(0, 0, 4 * zeros) },
      );
    };
    expect(only(report(100)).evidence).toBe('5 % of the counted latents are exactly zero (limit 1 %).');
    expect(problems(report(10))).toEqual([]);
  });
});

describe('batch too small', () => {
  const report = (perSampleEntropy: number | undefined): TrackerReport =>
    reportOf(
      { codebookSize: 2 ** 12 },
      { indices: uniformIds(1024, 1024), perSampleEntropy, codebookEntropy: Math.log(1000) },
    );

  it('is found when ln N + per-sample entropy does not reach ln K', () => {
    expect(only(report(0.1))).toMatchObject({
      problem: 'batch too small',
      severity: 'warning',
      evidence:
        'The batch entropy is taken over 1,024 tokens, so that it can reach ln N + per-sample = 7.03 nats, below ln K = 8.32.',
      remedy: expect.stringMatching(/^Use 3,707 or more tokens/),
    });
    expect(problems(report(undefined))).toEqual(['batch too small']);
  });

  it('is not found with soft assignments, with enough tokens, or without an entropy loss', () => {
    expect(problems(report(1.4))).toEqual([]);
    expect(problems(report(0.1), { entropyTokens: 4096 })).toEqual([]);
    expect(problems(report(0.1), { entropyTokens: 3000 })).toEqual(['batch too small']);
    expect(problems(reportOf({ codebookSize: 2 ** 12 }, { indices: uniformIds(1024, 1024) }))).toEqual([]);
  });
});

describe('dead bits', () => {
  // Bit 1 of 8 (value 64) is always 0.
  const indices = Int32Array.from({ length: 5120 }, (_, i) => (i % 256) & ~64);

  it('are found where one value takes 99 %', () => {
    expect(only(reportOf({ codebookSize: 256 }, { indices }), { method: 'LFQ' })).toMatchObject({
      problem: 'dead bits',
      evidence: expect.stringMatching(
        /^Share of ones of bit 1: 0 % \(bit 0 is the most significant; limits 1 % and 99 %\)/,
      ),
    });
    const stuck = reportOf({ codebookSize: 256 }, { indices: indices.map((id) => id | 64 | 1) });
    expect(only(stuck, { method: 'LFQ' }).evidence).toContain('bit 1: 100 %, bit 7: 100 %');
    const second = Int32Array.from({ length: 10_240 }, (_, i) => (i % 2 === 0 ? i % 256 : (indices[i >> 1] as number)));
    const books = reportOf({ codebookSize: 256, numCodebooks: 2 }, { indices: second });
    expect(diagnose(books, { method: 'LFQ' }).find(({ problem }) => problem === 'dead bits')?.evidence).toContain(
      'codebook 1: bit 1',
    );
  });

  it('are not found in balanced bits, on few tokens, or where bits mean nothing', () => {
    expect(problems(reportOf({ codebookSize: 256 }, { indices: uniformIds(5120, 256) }), { method: 'LFQ' })).toEqual(
      [],
    );
    expect(problems(reportOf({ codebookSize: 256 }, { indices: indices.subarray(0, 512) }), { method: 'LFQ' })).toEqual(
      [],
    );
    for (const method of ['SimVQ', 'FSQ', undefined]) {
      expect(problems(reportOf({ codebookSize: 256 }, { indices }), { method })).toEqual([]);
    }
  });
});

describe('dimensional collapse', () => {
  const dim = 32;
  const indices = uniformIds(2560, 256);
  const report = reportOf({ codebookSize: 256 }, { indices });
  const rankOf = (directions: number): ReturnType<typeof usedCodebookRank> => {
    const rng = createRng(3);
    const codes = Float32Array.from({ length: 256 * dim }, (_, i) => (i % dim < directions ? rng.normal() : 0));
    return usedCodebookRank(codes, indices, dim);
  };

  it('is found when the used codes fill few directions', () => {
    expect(only(report, { rank: rankOf(2) })).toMatchObject({
      problem: 'dimensional collapse',
      evidence: expect.stringMatching(
        /^The 256 used codes have an effective rank of (2|1\.99) of 32 \(6\.2\d? %, limit 10 %\)\.$/,
      ),
    });
  });

  it('is not found with many directions, without a rank, or where there are few to fill', () => {
    expect(problems(report, { rank: rankOf(16) })).toEqual([]);
    expect(problems(report)).toEqual([]);
    expect(problems(report, { rank: usedCodebookRank(new Float32Array(4 * 256), indices, 4) })).toEqual([]);
  });
});

describe('diagnose', () => {
  it('puts critical problems first', () => {
    const report = reportOf(
      { codebookSize: 4096 },
      { indices: new Int32Array(2000), latents: new Float32Array(2000), perSampleEntropy: 0 },
    );
    const found = diagnose(report);
    expect(found.map(({ problem }) => problem)).toEqual([
      'collapse',
      'saturated probabilities',
      'padded tokens counted',
      'batch too small',
    ]);
    expect(found.map(({ severity }) => severity)).toEqual(['critical', 'warning', 'warning', 'warning']);
    const drift = fitted(uniformIds(2000, 100), 4, 0) as Required<TrackerUpdate>;
    const both = reportOf({ codebookSize: 1024 }, { ...drift, latents: drift.latents.map((value) => 1000 * value) });
    expect(diagnose(both).map(({ problem }) => problem)).toEqual(['scale drift', 'collapse']);
  });

  it('rejects a bad context', () => {
    const report = reportOf({ codebookSize: 4 }, { indices: Int32Array.of(0) });
    expect(() => diagnose(report, { rotation: true } as DiagnoseContext)).toThrow(
      "diagnose: options has no 'rotation'",
    );
    expect(() => diagnose(report, { realTokens: -1 })).toThrow('diagnose: realTokens must be an integer >= 0, got -1');
    expect(() => diagnose(report, { entropyTokens: 0.5 })).toThrow('diagnose: entropyTokens must be an integer >= 1');
    expect(() => diagnose(report, { initialRms: 0 })).toThrow('diagnose: initialRms must be a finite number > 0');
    expect(() => diagnose(report, { codeRms: Number.NaN })).toThrow('diagnose: codeRms must be a finite number > 0');
  });
});
