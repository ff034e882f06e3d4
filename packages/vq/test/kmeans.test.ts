import {
  concat,
  memory,
  ones,
  slice,
  type Tensor1D,
  type Tensor2D,
  tensor,
  tensor1d,
  tidy,
} from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { eachEngine, expectClose, expectSame, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { kmeans, seeds } from '../src/kmeans.ts';
import { inertia, type Matrix, nearestTo, rowsOf, unit } from './float64.ts';
import { normal } from './tokens.ts';

const all = (n: number): Tensor1D => ones([n]);
const key = (row: Float64Array): string => row.join();

/** n tokens around each of some far centres. */
function blobs(centres: number, each: number, seed: number): Tensor2D {
  const rng = createRng(seed);
  const values: number[] = [];
  for (let c = 0; c < centres; c++)
    for (let i = 0; i < each; i++) values.push(100 * c + rng.normal(), (c % 3) * 100 + rng.normal());
  return tensor(values, [centres * each, 2]);
}

eachEngine((engine) => {
  describe('the seeds of k-means++', () => {
    it('are different tokens that count', async () => {
      const x = normal(50, 3, 1);
      const tokens = (await rowsOf(x)).map(key);
      const weights = Float32Array.from({ length: 50 }, (_, i) => (i % 3 === 0 ? 0 : 1));
      const real = tokens.filter((_, i) => weights[i] === 1);
      for (let seed = 0; seed < 10; seed++) {
        const chosen = (await rowsOf(seeds(x, tensor1d(weights), 33, createRng(seed)))).map(key);
        expect(new Set(chosen).size).toBe(33);
        for (const token of chosen) expect(real).toContain(token);
      }
    });

    it('repeat tokens only when there are not enough different ones', async () => {
      const x = concat([normal(3, 2, 2), normal(3, 2, 2)], 0) as Tensor2D;
      const chosen = (await rowsOf(seeds(x, all(6), 5, createRng(3)))).map(key);
      expect(new Set(chosen.slice(0, 3)).size).toBe(3);
      expect(new Set(chosen).size).toBe(3);
    });

    it('find every one of some far groups', async () => {
      const x = blobs(9, 30, 4);
      for (let seed = 0; seed < 5; seed++) {
        const chosen = await rowsOf(seeds(x, all(270), 9, createRng(seed)));
        expect(new Set(chosen.map(([first]) => Math.round((first as number) / 100))).size).toBe(9);
      }
    });

    it('are a function of the generator', async () => {
      const x = normal(40, 3, 5);
      const of = (seed: number): Tensor2D => seeds(x, all(40), 8, createRng(seed));
      await expectSame(of(1), of(1));
      expect(await of(1).data()).not.toEqual(await of(2).data());
    });

    if (engine === 'wasm') {
      it('are drawn with probability ∝ the squared distance to the nearest seed', async () => {
        // After the first seed at 0 (alone of weight on its place), the others are at 1, 2 and 3: chances 1, 4 and 9 of 14.
        const x = tensor([0, 1, 2, 3], [4, 1]) as Tensor2D;
        const counts = new Map<string, number>();
        const rng = createRng(6);
        const draws = 2000;
        for (let i = 0; i < draws; i++) {
          const [first, second] = await tidy(() => seeds(x, all(4), 2, rng)).data();
          counts.set(`${first} ${second}`, (counts.get(`${first} ${second}`) ?? 0) + 1);
        }
        for (const a of [0, 1, 2, 3]) {
          const total = [0, 1, 2, 3].reduce((sum, b) => sum + (a - b) ** 2, 0);
          for (const b of [0, 1, 2, 3]) {
            const p = (0.25 * (a - b) ** 2) / total;
            const expected = draws * p;
            // Five standard deviations.
            expect(Math.abs((counts.get(`${a} ${b}`) ?? 0) - expected)).toBeLessThanOrEqual(
              5 * Math.sqrt(draws * p * (1 - p)),
            );
          }
        }
      });
    }
  });

  describe('kmeans', () => {
    const iterate64 = (x: Matrix, start: Matrix, iterations: number, spherical: boolean): Matrix => {
      let means = start;
      for (let i = 0; i < iterations; i++) {
        const indices = x.map((row) => nearestTo(row, means));
        means = means.map((mean, k) => {
          const mine = x.filter((_, n) => indices[n] === k);
          if (mine.length === 0) return mean;
          const sum = mine.reduce((a, b) => a.map((value, j) => value + (b[j] as number)));
          const moved = sum.map((value) => value / mine.length);
          return spherical ? unit(moved) : moved;
        });
      }
      return means;
    };

    for (const spherical of [false, true]) {
      it(`is Lloyd's iteration from its seeds, against float64${spherical ? ', on the sphere' : ''}`, async () => {
        const raw = await rowsOf(normal(60, 4, 7));
        const x64 = spherical ? raw.map(unit) : raw;
        const x = tensor(
          x64.flatMap((row) => [...row]),
          [60, 4],
        ) as Tensor2D;
        const rows = await rowsOf(x);
        const start = await rowsOf(seeds(x, all(60), 8, createRng(8)));
        for (const iterations of [1, 3, 10]) {
          const { means, sizes } = kmeans(x, all(60), { k: 8, iterations, spherical, rng: createRng(8) });
          const expected = iterate64(rows, start, iterations, spherical);
          await expectClose(
            means,
            expected.flatMap((row) => [...row]),
            tolerances.float32,
          );
          expect([...(await sizes.data())].reduce((a, b) => a + b)).toBe(60);
        }
      });
    }

    it('never gets worse with more iterations, and ends below random tokens', async () => {
      const x = normal(200, 3, 9);
      const rows = await rowsOf(x);
      let before = inertia(rows, await rowsOf(seeds(x, all(200), 12, createRng(1))));
      for (const iterations of [1, 2, 4, 8]) {
        const { means } = kmeans(x, all(200), { k: 12, iterations, spherical: false, rng: createRng(1) });
        const now = inertia(rows, await rowsOf(means));
        expect(now).toBeLessThanOrEqual(before * (1 + 1e-6));
        before = now;
      }
      expect(before).toBeLessThan(inertia(rows, rows.slice(0, 12)));
    });

    it('does not see tokens of weight 0, wherever they are', async () => {
      const x = normal(40, 3, 10);
      const weights = Float32Array.from({ length: 40 }, (_, i) => (i < 10 || i >= 30 ? 0 : 1));
      const options = { k: 5, iterations: 4, spherical: false };
      const masked = kmeans(x, tensor1d(weights), { ...options, rng: createRng(2) });
      const alone = kmeans(slice(x, [10, 0], [20, 3]), all(20), { ...options, rng: createRng(2) });
      await expectClose(masked.means, alone.means, tolerances.float32);
      await expectSame(masked.sizes, alone.sizes);
    });

    it('gives clusters of like sizes in many features, where seeds lie near the mean', async () => {
      // Lengths of tokens vary, as those of embeddings do.
      const rows = createRng(4).normalArray(1000 * 64, 1);
      for (let i = 0; i < rows.length; i++) rows[i] = (rows[i] as number) * (1 + (Math.floor(i / 64) % 5)) + 100;
      const x = tensor(rows, [1000, 64]) as Tensor2D;
      const of = async (seeding: 'kmeans++' | 'directions'): Promise<{ largest: number; lost: number }> => {
        const options = { k: 16, iterations: 5, spherical: false, seeding, rng: createRng(5) };
        const { means, sizes } = kmeans(x, all(1000), options);
        return { largest: Math.max(...(await sizes.data())), lost: inertia(await rowsOf(x), await rowsOf(means)) };
      };
      const [near, far] = [await of('directions'), await of('kmeans++')];
      expect(near.largest).toBeLessThan(far.largest);
      expect(near.lost).toBeLessThan(far.lost);
    });

    it('leaves a mean without tokens where it was', async () => {
      const x = tensor([1, 1, 1, 5, 5], [5, 1]) as Tensor2D;
      const { means, sizes } = kmeans(x, all(5), { k: 4, iterations: 3, spherical: false, rng: createRng(3) });
      expect([...new Set(await means.data())].sort()).toEqual([1, 5]);
      expect([...(await sizes.data())].filter((n) => n === 0).length).toBe(2);
    });

    it('leaves nothing behind', () => {
      const [x, w] = [normal(30, 3, 11), all(30)];
      const before = memory().numTensors;
      const { means, sizes } = kmeans(x, w, { k: 5, iterations: 3, spherical: false, rng: createRng(1) });
      expect(memory().numTensors).toBe(before + 2);
      for (const t of [x, w, means, sizes]) t.dispose();
    });
  });
});
