import { memory, type Tensor2D, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { eachEngine } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createRng, nearestFloat64, screenCodes } from '../../src/index.ts';

const DECIDED = 2 ** 127;

interface Problem {
  readonly x: Float32Array;
  readonly codes: Float32Array;
  readonly f: number;
}

function random(n: number, k: number, f: number, seed: number): Problem {
  const rng = createRng(seed);
  return { x: rng.normalArray(n * f, 1), codes: rng.normalArray(k * f, 1), f };
}

async function screened({ x, codes, f }: Problem): Promise<{ indices: ArrayLike<number>; threshold: Float32Array }> {
  const [queries, book]: [Tensor2D, Tensor2D] = [
    tensor2d(x, [x.length / f, f]),
    tensor2d(codes, [codes.length / f, f]),
  ];
  const found = screenCodes({ x: queries, codes: book });
  return { indices: await found.indices.data(), threshold: (await found.threshold.data()) as Float32Array };
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
        const nearest = nearestFloat64(problem.codes, f);
        for (let row = 0; row < 400; row++) {
          if (threshold[row] === DECIDED) expect(indices[row]).toBe(nearest(problem.x, row));
        }
        expect(threshold.filter((score) => score !== DECIDED).length).toBeLessThan(20);
      });
    }

    it('leaves open what lies in the middle between two codes, with the nearest above the threshold', async () => {
      const f = 5;
      const { codes } = random(0, 40, f, 3);
      const x = codes.map((value, i) => (value + (codes[(i + f) % codes.length] as number)) / 2);
      const { threshold } = await screened({ x, codes, f });
      const nearest = nearestFloat64(codes, f);
      const center = Array.from(
        { length: f },
        (_, i) => codes.reduce((sum, v, j) => sum + (j % f === i ? v : 0), 0) / 160,
      );
      let open = 0;
      for (let row = 0; row < 40; row++) {
        if (threshold[row] === DECIDED) continue;
        open++;
        const k = nearest(x, row);
        const parts = Array.from({ length: f }, (_, i) => [
          (x[row * f + i] as number) / 4 - (center[i] as number),
          (codes[k * f + i] as number) / 4 - (center[i] as number),
        ]) as [number, number][];
        const score = parts.reduce((sum, [a, b]) => sum + a * b - (b * b) / 2, 0);
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

    it('gives index 0 to rows that cannot be searched, and passes over such codes', async () => {
      const x = Float32Array.of(1, 1, Number.NaN, 1, 2 ** 56, 1);
      const codes = Float32Array.of(Number.NaN, 1, 9, 9, 1, 1.5, 1, Number.POSITIVE_INFINITY);
      const { indices, threshold } = await screened({ x, codes, f: 2 });
      expect([...(indices as Int32Array)]).toEqual([2, 0, 0]);
      expect([...threshold]).toEqual([DECIDED, DECIDED, DECIDED]);
    });
  });
});
