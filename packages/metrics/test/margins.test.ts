import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topTwoMargins, topTwoOfScores } from '../src/index.ts';

/** All distances, sorted: by value, then by index. */
function byDistance(latents: Float32Array, codes: Float32Array, dim: number, n: number): { k: number; d: number }[] {
  return Array.from({ length: codes.length / dim }, (_, k) => {
    let d = 0;
    for (let i = 0; i < dim; i++) d += ((latents[n * dim + i] as number) - (codes[k * dim + i] as number)) ** 2;
    return { k, d };
  }).sort((a, b) => a.d - b.d || a.k - b.k);
}

const values = (length: number): fc.Arbitrary<Float32Array> =>
  fc.array(fc.integer({ min: -4, max: 4 }), { minLength: length, maxLength: length }).map((v) => Float32Array.from(v));

describe('topTwoMargins', () => {
  it('gives the docstring its numbers', () => {
    const { nearest, second, margins, borderDistances } = topTwoMargins(
      Float32Array.of(0.1, 0),
      Float32Array.of(0, 0, 1, 0),
      2,
    );
    expect([nearest[0], second[0]]).toEqual([0, 1]);
    expect(margins[0]).toBeCloseTo(0.8, 6);
    expect(borderDistances[0]).toBeCloseTo(0.4, 6);
  });

  it('agrees with sorting all distances, ties included', () => {
    const sizes = fc.record({
      dim: fc.integer({ min: 1, max: 4 }),
      n: fc.nat({ max: 5 }),
      k: fc.integer({ min: 2, max: 9 }),
    });
    const input = sizes.chain(({ dim, n, k }) =>
      fc.record({ dim: fc.constant(dim), z: values(n * dim), c: values(k * dim) }),
    );
    fc.assert(
      fc.property(input, ({ dim, z, c }) => {
        const { nearest, second, margins } = topTwoMargins(z, c, dim);
        for (let n = 0; n < z.length / dim; n++) {
          const [best, next] = byDistance(z, c, dim, n);
          expect(nearest[n]).toBe(best?.k);
          expect(second[n]).toBe(next?.k);
          expect(margins[n]).toBe((next?.d ?? 0) - (best?.d ?? 0));
        }
      }),
    );
  });

  it('carries its best two over from tile to tile', () => {
    const dim = 1024; // four codes a tile
    const codes = Float32Array.from({ length: 11 * dim }, (_, i) => Math.floor(i / dim));
    const latents = new Float32Array(2 * dim).fill(9.75, 0, dim).fill(0.25, dim);
    const { nearest, second, borderDistances } = topTwoMargins(latents, codes, dim);
    expect([...nearest]).toEqual([10, 0]);
    expect([...second]).toEqual([9, 1]);
    expect(borderDistances[1]).toBeCloseTo(0.25 * Math.sqrt(dim), 10);
  });

  it('is not disturbed by a common offset', () => {
    const [z, c] = [Float32Array.of(4096.25, 4096), Float32Array.of(4096, 4096, 4097, 4096)];
    expect(topTwoMargins(z, c, 2).margins[0]).toBe(0.5);
  });

  it('moving by less than the border distance keeps the id, by more along the line swaps it', () => {
    const codes = Float32Array.of(0, 0, 3, 1);
    const latent = Float32Array.of(0.5, 0.75);
    const { borderDistances } = topTwoMargins(latent, codes, 2);
    const moved = (share: number): number | undefined => {
      const step = ((borderDistances[0] as number) * share) / Math.sqrt(10);
      return topTwoMargins(Float32Array.of(0.5 + 3 * step, 0.75 + step), codes, 2).nearest[0];
    };
    expect(moved(0.99)).toBe(0);
    expect(moved(1.01)).toBe(1);
  });

  it('gives 0 at a tie, also of two equal codes', () => {
    const { nearest, second, margins, borderDistances } = topTwoMargins(
      Float32Array.of(5),
      Float32Array.of(5, 5, 0),
      1,
    );
    expect([nearest[0], second[0], margins[0], borderDistances[0]]).toEqual([0, 1, 0, 0]);
  });

  it('rejects bad input', () => {
    const two = Float32Array.of(0, 1);
    expect(() => topTwoMargins(two, two, 0)).toThrow(
      'topTwoMargins: dim must be an integer >= 1, got 0. Use 1 or more.',
    );
    expect(() => topTwoMargins(new Float32Array(3), new Float32Array(4), 2)).toThrow(
      'topTwoMargins: latents must hold whole rows of 2, got 3 elements. Pass [n, dim].',
    );
    expect(() => topTwoMargins(two, two, 2)).toThrow(
      'topTwoMargins: codes must hold 2 or more rows of 2, got 2 elements',
    );
    expect(() => topTwoMargins(Float32Array.of(0, 1, 2, Number.NaN), new Float32Array(4), 2)).toThrow(
      'topTwoMargins: latents must be finite, got NaN in row 1, column 1',
    );
    expect(() => topTwoMargins(two, Float32Array.of(0, Number.POSITIVE_INFINITY), 1)).toThrow('codes must be finite');
    expect(() => topTwoMargins([0, 1] as unknown as Float32Array, two, 1)).toThrow('latents must be a Float32Array');
  });
});

describe('topTwoOfScores', () => {
  it('agrees with topTwoMargins on negated distances', () => {
    const [z, c] = [Float32Array.of(0, 2, 3, 3, -1, 0), Float32Array.of(1, 1, 3, 4, 0, 0, -2, 1)];
    const scores = [0, 1, 2].flatMap((n) =>
      byDistance(z, c, 2, n)
        .sort((a, b) => a.k - b.k)
        .map(({ d }) => -d),
    );
    const { nearest, second, margins } = topTwoMargins(z, c, 2);
    expect(topTwoOfScores(Float32Array.from(scores), 4)).toEqual({ nearest, second, margins });
  });

  it('rejects bad input', () => {
    expect(() => topTwoOfScores(new Float32Array(3), 1)).toThrow('codebookSize must be an integer >= 2');
    expect(() => topTwoOfScores(new Float32Array(3), 2)).toThrow('scores must hold whole rows of 2, got 3 elements');
    expect(() => topTwoOfScores(Float32Array.of(0, Number.NaN), 2)).toThrow(
      'scores must be finite, got NaN in row 0, column 1',
    );
  });
});
