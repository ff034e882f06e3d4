import { memory, type Tensor, type Tensor2D, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { eachEngine, nearestByFloat64 } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createRng, DECIDED, type ScreenedCodes, screenCodes } from '../../src/index.ts';

interface Problem {
  readonly x: Float32Array;
  readonly codes: Float32Array;
  readonly f: number;
}

function random(n: number, k: number, f: number, seed: number): Problem {
  const rng = createRng(seed);
  return { x: rng.normalArray(n * f, 1), codes: rng.normalArray(k * f, 1), f };
}

async function screened({ x, codes, f }: Problem): Promise<Record<keyof ScreenedCodes, Float32Array | Int32Array>> {
  const [rows, book]: [Tensor2D, Tensor2D] = [tensor2d(x, [x.length / f, f]), tensor2d(codes, [codes.length / f, f])];
  const found = Object.entries(screenCodes({ x: rows, codes: book }));
  const read = found.map(async ([name, values]: [string, Tensor]) => [name, await values.data()]);
  return Object.fromEntries(await Promise.all(read));
}

eachEngine(() => {
  describe('screenCodes', () => {
    for (const [k, f] of [
      [1, 1],
      [300, 4],
      [1500, 33],
    ] as const) {
      it(`decides nearly all rows among ${k} codes of ${f} features, and rightly`, async () => {
        const problem = random(400, k, f, k);
        const { indices, threshold } = await screened(problem);
        const nearest = nearestByFloat64({ ...problem, dim: f });
        for (let row = 0; row < 400; row++) {
          if (threshold[row] === DECIDED) expect(indices[row]).toBe(nearest[row]);
        }
        expect(threshold.filter((score) => score !== DECIDED).length).toBeLessThan(20);
      });
    }

    it('leaves open what lies in the middle between two codes, with the nearest above the threshold', async () => {
      const f = 5;
      const { codes } = random(0, 40, f, 3);
      const x = codes.map((value, i) => (value + (codes[(i + f) % codes.length] as number)) / 2);
      const { threshold, queries, keys, bias } = await screened({ x, codes, f });
      const nearest = nearestByFloat64({ x, codes, dim: f });
      let open = 0;
      for (let row = 0; row < 40; row++) {
        if (threshold[row] === DECIDED) continue;
        open++;
        const k = nearest[row] as number;
        let score = bias[k] as number;
        for (let i = 0; i < f; i++) score += (queries[row * f + i] as number) * (keys[k * f + i] as number);
        expect(score).toBeGreaterThan(threshold[row] as number);
      }
      // Where another code is nearer than the two, the row is decided.
      expect(open).toBeGreaterThan(5);
    });

    it('leaves open what float64 itself rounds away, and leaves nothing behind', async () => {
      const f = 3;
      const { codes } = random(0, 20, f, 4);
      // So far away from all codes that float64's sums of squares round the differences away.
      const far = await screened({ x: Float32Array.of(3e12, 1e12, -2e12), codes, f });
      expect(far.threshold[0]).not.toBe(DECIDED);
      const [x, book]: [Tensor2D, Tensor2D] = [tensor2d([[1, 2, 3]]), tensor2d(codes, [20, f])];
      const before = memory().numTensors;
      tidy(() => {
        screenCodes({ x, codes: book });
      });
      expect(memory().numTensors).toBe(before);
    });

    it('decides nothing about rows that are not finite or far away, and passes over codes that are not', async () => {
      const x = Float32Array.of(1, 1, Number.NaN, 1, 2 ** 56, 1);
      const codes = Float32Array.of(Number.NaN, 1, 9, 9, 1, 1.5, 1, Number.POSITIVE_INFINITY);
      const { indices, threshold } = await screened({ x, codes, f: 2 });
      expect([indices[0], threshold[0]]).toEqual([2, DECIDED]);
      for (const row of [1, 2]) expect(threshold[row]).toBeLessThan(-DECIDED);
    });

    it('knows the magnitude of each code: one far code leaves no more rows open', async () => {
      const f = 4;
      const problem = random(400, 300, f, 9);
      for (const far of [1e3, 1e6, 1e12, 1e30]) {
        problem.codes.fill(far, 40 * f, 41 * f);
        const { indices, threshold } = await screened(problem);
        expect(threshold.filter((score) => score !== DECIDED).length).toBeLessThan(20);
        const nearest = nearestByFloat64({ ...problem, dim: f });
        for (let row = 0; row < 400; row++) if (threshold[row] === DECIDED) expect(indices[row]).toBe(nearest[row]);
      }
    });
  });
});
