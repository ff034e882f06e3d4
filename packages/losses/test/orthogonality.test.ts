import { grad, memory, type Tensor, tensor, tensor2d, zeros } from '@tensorflow/tfjs-core';
import { createRng, ShapeError } from '@vqkit/core-tensor';
import { eachEngine, expectClose, expectSame, gradientError, spreadIt, tolerances } from '@vqkit/testing';
import { describe, expect } from 'vitest';
import { orthogonalityLoss } from '../src/index.ts';

/** The mean over all pairs of squared cosines, without those of a code with itself. */
function bruteForce(values: Float32Array, h: number, n: number, d: number): number {
  const code = (book: number, i: number): Float32Array => values.subarray((book * n + i) * d, (book * n + i + 1) * d);
  const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, k) => sum + x * (b[k] as number), 0);
  let total = 0;
  for (let book = 0; book < h; book++)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        const [a, b] = [code(book, i), code(book, j)];
        if (i !== j) total += dot(a, b) ** 2 / (dot(a, a) * dot(b, b));
      }
  return total / (h * n * n);
}

eachEngine((engine) => {
  const it = spreadIt(engine);
  describe('orthogonalityLoss', () => {
    for (const [h, n, d] of [
      [1, 5, 3],
      [1, 3, 5],
      [3, 6, 4],
      [2, 2, 7],
      [1, 1, 4],
    ] as const) {
      it(`is the mean squared cosine of different codes: ${h} codebooks of ${n} codes, ${d} features`, async () => {
        const values = createRng(n * d).normalArray(h * n * d, 2);
        const codebook = tensor(values, [h, n, d]);
        const noise = tolerances.rounding;
        await expectClose(orthogonalityLoss(codebook), [bruteForce(values, h, n, d)], tolerances.float32, noise);
        if (n === 1) await expectClose(grad(orthogonalityLoss)(codebook), new Array(d).fill(0), 0, noise);
        else expect(await gradientError(orthogonalityLoss, codebook)).toBeLessThan(tolerances.finiteDifference);
      });
    }

    it('takes one codebook without its axis', async () => {
      const values = createRng(5).normalArray(12, 1);
      const expected = orthogonalityLoss(tensor(values, [1, 4, 3]));
      await expectSame(orthogonalityLoss(tensor(values, [4, 3])), expected);
    });

    it('is 0 for orthogonal codes and 1 - 1/n for parallel ones', async () => {
      await expectClose(orthogonalityLoss(tensor2d([3, 0, 0, -2], [2, 2])), [0], 0, tolerances.rounding);
      await expectClose(orthogonalityLoss(tensor2d([3, 0, -2, 0], [2, 2])), [0.5], tolerances.float32);
    });

    it('counts a zero code as orthogonal, with a finite gradient', async () => {
      const codebook = tensor2d([0, 0, 1, 0, 1, 1], [3, 2]);
      await expectClose(orthogonalityLoss(codebook), [1 / 9], tolerances.float32);
      const data = await grad(orthogonalityLoss)(codebook).data();
      expect(data.every(Number.isFinite)).toBe(true);
    });

    it('rejects other ranks and empty codebooks', () => {
      const bad = (codebook: Tensor) => expect(() => orthogonalityLoss(codebook));
      bad(zeros([3])).toThrow(ShapeError);
      bad(zeros([1, 2, 3, 4])).toThrow(/codebook must have shape .+, got shape \[1,2,3,4\]/);
      bad(zeros([0, 3])).toThrow(ShapeError);
    });

    it('leaves nothing behind', () => {
      const codebook = tensor2d([1, 2, 3, 4], [2, 2]);
      const before = memory().numTensors;
      orthogonalityLoss(codebook).dispose();
      grad(orthogonalityLoss)(codebook).dispose();
      expect(memory().numTensors).toBe(before);
    });
  });
});
