import { createRng } from '@vqkit/core-tensor';
import { describe, expect, it } from 'vitest';
import { usedCodebookRank } from '../src/index.ts';

const all = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);

describe('usedCodebookRank', () => {
  it('counts the directions of hand-made codebooks', () => {
    const square = Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1);
    expect(usedCodebookRank(square, all(4), 2).effectiveRank).toBeCloseTo(2, 12);
    // Codes 0 and 1 only: a line.
    expect(usedCodebookRank(square, Int32Array.of(0, 1, 1, 0, -1), 2)).toMatchObject({ usedCodes: 2, maximum: 1 });
    expect(usedCodebookRank(square, Int32Array.of(0, 1), 2).effectiveRank).toBeCloseTo(1, 7);
    // Singular values 3 and 1 times a constant: p = 3/4, 1/4.
    const cross = Float32Array.of(3, 0, -3, 0, 0, 1, 0, -1);
    const { effectiveRank, singularValues } = usedCodebookRank(cross, all(4), 2);
    expect(effectiveRank).toBeCloseTo(Math.exp(-0.75 * Math.log(0.75) - 0.25 * Math.log(0.25)), 12);
    expect(singularValues[0]).toBeCloseTo(3 * Math.SQRT2, 12);
    expect(singularValues[1]).toBeCloseTo(Math.SQRT2, 12);
  });

  it('is dim for a codebook of all sign vectors', () => {
    const dim = 5;
    const codes = Float32Array.from({ length: 2 ** dim * dim }, (_, i) =>
      (Math.floor(i / dim) >> (i % dim)) & 1 ? 1 : -1,
    );
    expect(usedCodebookRank(codes, all(2 ** dim), dim).effectiveRank).toBeCloseTo(dim, 10);
  });

  it('finds the dimensions of codes that lie in a rotated plane, whatever the offset', () => {
    const rng = createRng(5);
    const dim = 24;
    const [u, v] = [rng.normalArray(dim, 1), rng.normalArray(dim, 1)];
    const offset = rng.normalArray(dim, 1000);
    const codes = new Float32Array(200 * dim);
    for (let k = 0; k < 200; k++) {
      const [a, b] = [rng.normal(), rng.normal()];
      for (let i = 0; i < dim; i++) {
        codes[k * dim + i] = a * (u[i] as number) + b * (v[i] as number) + (offset[i] as number);
      }
    }
    const { effectiveRank, singularValues } = usedCodebookRank(codes, all(200), dim);
    // Float32 codes near 1000 are rounded by about 3e-5, which leaves small singular values in the other 22 directions.
    expect((singularValues[2] as number) / (singularValues[1] as number)).toBeLessThan(1e-4);
    expect(effectiveRank).toBeGreaterThan(1.9);
    expect(effectiveRank).toBeLessThan(2.02);
  });

  it('is near dim for a Gaussian codebook and counts every used code once', () => {
    const codes = createRng(1).normalArray(4096 * 16, 0.25);
    const once = usedCodebookRank(codes, all(4096), 16);
    expect(once.effectiveRank).toBeGreaterThan(15.9);
    const skewed = Int32Array.from({ length: 9000 }, (_, i) => Math.max(0, i - 4904));
    expect(usedCodebookRank(codes, skewed, 16).effectiveRank).toBeCloseTo(once.effectiveRank, 10);
  });

  it('is 0 for one code and for none', () => {
    expect(usedCodebookRank(Float32Array.of(1, 2), Int32Array.of(0, 0), 2)).toMatchObject({
      effectiveRank: 0,
      maximum: 0,
    });
    expect(usedCodebookRank(Float32Array.of(1, 2), Int32Array.of(-1), 2)).toMatchObject({
      effectiveRank: 0,
      usedCodes: 0,
    });
  });

  it('rejects bad input', () => {
    const codes = new Float32Array(8);
    expect(() => usedCodebookRank(codes, Int32Array.of(0), 3)).toThrow(
      'usedCodebookRank: codes must hold 1 or more rows of 3',
    );
    expect(() => usedCodebookRank(codes, Int32Array.of(0, 4), 2)).toThrow(
      'usedCodebookRank: indices[1] must be in [0, 4)',
    );
    expect(() => usedCodebookRank(Float32Array.of(Number.NaN), Int32Array.of(0), 1)).toThrow('codes must be finite');
    expect(() => usedCodebookRank(codes, new Float32Array(1) as unknown as Int32Array, 2)).toThrow('Int32Array');
  });
});
