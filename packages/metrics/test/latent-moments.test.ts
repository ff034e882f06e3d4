import { createRng } from '@vqkit/core-tensor';
import { describe, expect, it } from 'vitest';
import type { TrackerUpdate } from '../src/index.ts';
import { tracked } from './tracked.ts';

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
        const degrees = pairs.map(({ z, q }) => {
          const cosine = dot(z, q) / Math.sqrt(dot(z, z) * dot(q, q));
          return (180 * Math.acos(Math.max(-1, Math.min(1, cosine)))) / Math.PI;
        });
        const bins = Array.from(
          { length: 18 },
          (_, i) => degrees.filter((x) => 10 * i < x && x <= 10 * (i + 1)).length,
        );
        expect(latents?.pairs?.angles).toEqual(bins);
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
    expect(latents?.pairs?.angles.reduce((sum, count) => sum + count, 0)).toBe(2);
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

  it('counts angles in bins of 10°, 90° itself below it, and what is beyond by the sign alone', () => {
    const tiny = 1e-20;
    const pairs = [
      [1, 0, 3, 0],
      [1, 0, 1, 1],
      [1, 0, 0, 2],
      [1, 0, -tiny, 1],
      [1, 0, tiny, 1],
      [1, 0, -5, 0],
    ];
    const { latents } = tracked({ codebookSize: 8 }, [
      {
        indices: Int32Array.from(pairs.keys()),
        latents: Float32Array.from(pairs.flatMap((pair) => pair.slice(0, 2))),
        codes: Float32Array.from(pairs.flatMap((pair) => pair.slice(2))),
      },
    ]);
    const { angles = [], obtuseShare = 0 } = latents?.pairs ?? {};
    expect(angles.flatMap((count, i) => (count > 0 ? [[i, count]] : []))).toEqual([
      [0, 1],
      [4, 1],
      [8, 2],
      [9, 1],
      [17, 1],
    ]);
    expect(obtuseShare).toBe(2 / 6);
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
