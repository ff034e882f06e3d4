import { createRng } from '@vqkit/core-tensor';
import { describe, expect, it } from 'vitest';
import { diagnose, type TrackerReport, type TrackerUpdate, usedCodebookRank } from '../src/index.ts';
import { fitted, LFQ, only, problems, uniformIds } from './diagnosed.ts';
import { tracked } from './tracked.ts';

describe('scale drift', () => {
  const indices = uniformIds(2560, 256);
  const withScale = (scale: number): TrackerReport => {
    const { latents, ...rest } = fitted(indices, 8, 0.05) as Required<TrackerUpdate>;
    return tracked({ codebookSize: 256 }, { ...rest, latents: latents.map((value) => scale * value) });
  };

  it('is found when the latents have outgrown their codes', () => {
    expect(only(withScale(1500), { method: LFQ })).toMatchObject({
      problem: 'scale drift',
      severity: 'critical',
      evidence: expect.stringMatching(
        /^Latents have rms \d+, 1 times that at the start; codes are 0\.00066 times as long as their latents \(limit 0\.1\)\.$/,
      ),
      remedy: expect.stringContaining('never changes an LFQ index'),
    });
    expect(only(withScale(20), { method: { codesAreBits: false } }).remedy).toContain('both halves of the loss');
    expect(only(withScale(20)).severity).toBe('warning');
    for (const scale of [1 / 8, 1, 5]) expect(problems(withScale(scale))).toEqual([]);
  });

  it('is found without codes: by the rms of a code, else by the growth', () => {
    const latents = (rms: number): TrackerUpdate => ({ indices, latents: new Float32Array(2560).fill(rms) });
    const grown = tracked({ codebookSize: 256, window: 1 }, [latents(1), latents(1400)]);
    expect(only(grown).evidence).toBe('Latents have rms 1400, 1400 times that at the start (limit 100).');
    expect(problems(grown, { codeRms: 1 })).toEqual(['scale drift']);
    expect(problems(grown, { codeRms: 1000 })).toEqual([]);
    expect(problems(grown, { initialRms: 700 })).toEqual([]);
    const later = tracked({ codebookSize: 256 }, latents(1400));
    expect(problems(later)).toEqual([]);
    expect(problems(later, { initialRms: 1 })).toEqual(['scale drift']);
    expect(problems(tracked({ codebookSize: 256, window: 1 }, [latents(0), latents(5)]))).toEqual([]);
  });
});

describe('over-rotation', () => {
  const dim = 8;
  const report = (obtuse: number, scale: number): TrackerReport => {
    const { latents, codes, indices } = fitted(uniformIds(2560, 256), dim, 0.01) as Required<TrackerUpdate>;
    const flipped = (codes as Float32Array).map(
      (value, i) => (Math.floor(i / dim) < obtuse * 2560 ? -1 : 1) * scale * value,
    );
    return tracked({ codebookSize: 256 }, { indices, latents, codes: flipped });
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
    expect(only(tracked({ codebookSize: 64 }, { indices, mask }))).toMatchObject({
      problem: 'padded tokens counted',
      evidence: '100 masked tokens carry an index instead of -1.',
      remedy: expect.stringContaining('mask'),
    });
    indices.fill(-1, 1900);
    expect(problems(tracked({ codebookSize: 64 }, { indices, mask }))).toEqual([]);
  });

  it('is found when more tokens were counted than are real', () => {
    const report = tracked({ codebookSize: 64 }, { indices: uniformIds(2000, 64) });
    expect(only(report, { realTokens: 1500 }).evidence).toBe('2,000 tokens were counted but 1,500 are real.');
    expect(problems(report, { realTokens: 2000 })).toEqual([]);
    expect(problems(report)).toEqual([]);
  });

  it('is found when latents are exactly zero', () => {
    const report = (zeros: number): TrackerReport => {
      const { indices, latents, codes } = fitted(uniformIds(2000, 64), 4, 0.1) as Required<TrackerUpdate>;
      return tracked(
        { codebookSize: 64 },
        { indices, codes, latents: (latents as Float32Array).fill(0, 0, 4 * zeros) },
      );
    };
    expect(only(report(100)).evidence).toBe('5 % of the counted latents are exactly zero (limit 1 %).');
    expect(problems(report(10))).toEqual([]);
  });
});

describe('dead bits', () => {
  // Bit 1 of 8 (value 64) is always 0.
  const indices = Int32Array.from({ length: 5120 }, (_, i) => (i % 256) & ~64);

  it('are found where one value takes 99 %', () => {
    expect(only(tracked({ codebookSize: 256 }, { indices }), { method: LFQ })).toMatchObject({
      problem: 'dead bits',
      evidence: expect.stringMatching(
        /^Share of ones of bit 1: 0 % \(bit 0 is the most significant; limits 1 % and 99 %\)/,
      ),
    });
    const stuck = tracked({ codebookSize: 256 }, { indices: indices.map((id) => id | 64 | 1) });
    expect(only(stuck, { method: LFQ }).evidence).toContain('bit 1: 100 %, bit 7: 100 %');
    const second = Int32Array.from({ length: 10_240 }, (_, i) => (i % 2 === 0 ? i % 256 : (indices[i >> 1] as number)));
    const books = tracked({ codebookSize: 256, numCodebooks: 2 }, { indices: second });
    expect(diagnose(books, { method: LFQ }).find(({ problem }) => problem === 'dead bits')?.evidence).toContain(
      'codebook 1: bit 1',
    );
  });

  it('are not found in balanced bits, on few tokens, or where bits mean nothing', () => {
    expect(problems(tracked({ codebookSize: 256 }, { indices: uniformIds(5120, 256) }), { method: LFQ })).toEqual([]);
    expect(problems(tracked({ codebookSize: 256 }, { indices: indices.subarray(0, 512) }), { method: LFQ })).toEqual(
      [],
    );
    for (const method of [{ codesAreBits: false }, {}, undefined]) {
      expect(problems(tracked({ codebookSize: 256 }, { indices }), { method })).toEqual([]);
    }
  });
});

describe('dimensional collapse', () => {
  const dim = 32;
  const indices = uniformIds(2560, 256);
  const report = tracked({ codebookSize: 256 }, { indices });
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
