import { describe, expect, it } from 'vitest';
import {
  createTracker,
  type DiagnoseContext,
  type DiagnosedMethod,
  diagnose,
  type TrackerReport,
  type TrackerUpdate,
} from '../src/index.ts';
import { fitted, LFQ, only, problems, skewedIds, uniformIds } from './diagnosed.ts';
import { tracked } from './tracked.ts';

describe('healthy runs', () => {
  // The reference library's recipe on MNIST: 10,000 test images of 49 tokens; used codes and perplexity as measured there.
  const recipe = [
    { name: 'FSQ', codebookSize: 240, used: 231, perplexity: 36 },
    { name: 'FSQ', codebookSize: 240, used: 152, perplexity: 25 },
    { name: 'LFQ', method: LFQ, codebookSize: 256, used: 256, perplexity: 212 },
    { name: 'LFQ', method: LFQ, codebookSize: 256, used: 256, perplexity: 202 },
    { name: 'SimVQ', codebookSize: 256, used: 254, perplexity: 31, rotationTrick: true },
    { name: 'SimVQ', codebookSize: 256, used: 255, perplexity: 29, rotationTrick: true },
  ];
  for (const { name, codebookSize, used, perplexity, ...context } of recipe) {
    it(`${name} with ${used} of ${codebookSize} codes and perplexity ${perplexity}`, () => {
      const report = tracked({ codebookSize }, fitted(skewedIds(50_000, used, perplexity), 8, 0.1));
      expect(report.usedCodes).toBe(used);
      expect(report.perplexity / perplexity).toBeCloseTo(1, 1);
      expect(diagnose(report, context)).toEqual([]);
    });
  }

  it('a batch much smaller than its codebook', () => {
    const indices = Int32Array.from({ length: 12_544 }, (_, i) => (i * 40_503) % 2 ** 18);
    expect(diagnose(tracked({ codebookSize: 2 ** 18 }, { indices }), { method: LFQ })).toEqual([]);
  });

  it('tiny codebooks', () => {
    for (const codebookSize of [1, 2, 3]) {
      const indices = uniformIds(2000, codebookSize);
      const report = tracked(
        { codebookSize },
        { indices, perSampleEntropy: 0, codebookEntropy: Math.log(codebookSize) },
      );
      expect(diagnose(report, { method: LFQ })).toEqual([]);
    }
  });
});

describe('no tokens', () => {
  it('is found when nothing counted', () => {
    const report = tracked({ codebookSize: 4 }, { indices: Int32Array.of(-1, -1) });
    expect(only(report)).toMatchObject({
      problem: 'no tokens',
      severity: 'critical',
      evidence: '0 tokens were counted in 1 updates; 2 were padding.',
    });
    expect(problems(createTracker({ codebookSize: 4 }).report())).toEqual(['no tokens']);
  });

  it('is not found when one token counted', () => {
    expect(problems(tracked({ codebookSize: 4 }, { indices: Int32Array.of(0) }))).toEqual([]);
  });
});

describe('collapse', () => {
  it('is found by the share of codes used, with the numbers', () => {
    const { severity, evidence, remedy } = only(tracked({ codebookSize: 1024 }, { indices: uniformIds(50_000, 20) }));
    expect(severity).toBe('critical');
    expect(evidence).toBe(
      '20 of 1,024 codes used by 50,000 tokens (uniform draws would use 1,024), perplexity 20, the top code takes 5 %; limits: 20 % of the expected codes, perplexity 2.',
    );
    expect(remedy).toContain('gradient reaches the encoder');
    expect(only(tracked({ codebookSize: 1024 }, { indices: uniformIds(50_000, 150) })).severity).toBe('warning');
    expect(problems(tracked({ codebookSize: 1024 }, { indices: uniformIds(50_000, 250) }))).toEqual([]);
  });

  it('is found by a perplexity near 1 although every code is used', () => {
    const indices = new Int32Array(50_000);
    indices.set(uniformIds(256, 256));
    const report = tracked({ codebookSize: 256 }, { indices });
    expect(report.utilization).toBe(1);
    expect(only(report)).toMatchObject({ problem: 'collapse', severity: 'critical' });
  });

  it('is not judged on a few tokens', () => {
    expect(problems(tracked({ codebookSize: 1024 }, { indices: new Int32Array(999) }))).toEqual([]);
    expect(problems(tracked({ codebookSize: 1024 }, { indices: new Int32Array(1000) }))).toEqual(['collapse']);
  });

  it('names the codebook and fits the remedy to the method', () => {
    const indices = Int32Array.from({ length: 20_000 }, (_, i) => (i % 2 === 0 ? (i / 2) % 64 : 3));
    const report = tracked({ codebookSize: 64, numCodebooks: 2 }, { indices });
    const { evidence } = only(report);
    expect(evidence).toMatch(/^codebook 1: 1 of 64 codes/);
    expect(evidence).not.toContain('codebook 0');
    const remedyOf = (method?: DiagnosedMethod): string | undefined => diagnose(report, { method })[0]?.remedy;
    expect(remedyOf({ remedies: { collapse: 'Revive dead codes.' } })).toMatch(/^Check first .* Revive dead codes\.$/);
    expect(remedyOf({ remedies: { 'scale drift': 'Bound it.' } })).toBe(remedyOf());
  });
});

describe('saturated probabilities', () => {
  const report = (perSampleEntropy: number, codebookEntropy?: number): TrackerReport =>
    tracked({ codebookSize: 1024 }, { indices: uniformIds(20_000, 400), perSampleEntropy, codebookEntropy });

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

describe('batch too small', () => {
  const report = (perSampleEntropy: number | undefined): TrackerReport =>
    tracked(
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
    const equal = { indices: uniformIds(1000, 1000), perSampleEntropy: 0 };
    expect(problems(tracked({ codebookSize: 1000 }, [equal, equal, equal]))).toEqual([]);
    expect(problems(report(0.1), { entropyTokens: 3000 })).toEqual(['batch too small']);
    expect(problems(tracked({ codebookSize: 2 ** 12 }, { indices: uniformIds(1024, 1024) }))).toEqual([]);
  });
});

describe('diagnose', () => {
  it('puts critical problems first', () => {
    const report = tracked(
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
    const both = tracked({ codebookSize: 1024 }, { ...drift, latents: drift.latents.map((value) => 1000 * value) });
    expect(diagnose(both).map(({ problem }) => problem)).toEqual(['scale drift', 'collapse']);
  });

  it('rejects a bad context', () => {
    const report = tracked({ codebookSize: 4 }, { indices: Int32Array.of(0) });
    expect(() => diagnose(report, { rotation: true } as DiagnoseContext)).toThrow(
      "diagnose: options must have no 'rotation'",
    );
    expect(() => diagnose(report, { realTokens: -1 })).toThrow('diagnose: realTokens must be an integer >= 0, got -1');
    expect(() => diagnose(report, { entropyTokens: 0.5 })).toThrow('diagnose: entropyTokens must be an integer >= 1');
    expect(() => diagnose(report, { initialRms: 0 })).toThrow('diagnose: initialRms must be a finite number > 0');
    expect(() => diagnose(report, { codeRms: Number.NaN })).toThrow('diagnose: codeRms must be a finite number > 0');
  });
});
