import { grad, memory, mul, type Tensor, tensor1d, tensor2d } from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, expectIdentical, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createRng, type FsqAttrs, fsqCodes, fsqDecode, fsqEncode, fsqQuantize } from '../../src/index.ts';

/** Hand-made attributes: the kernel knows nothing of bounds, only of thresholds. */
const attrs: FsqAttrs = {
  levels: [4, 2, 3],
  thresholds: [[-1, 0.5, 2], [0], [-0.25, 0.25]],
  centers: [2, 0.5, 1],
  steps: [0.5, 2, 1],
  shifts: [0.25, 0, -0.125],
  slopes: [1.5, 1, 0.5],
  hardClamp: false,
  basis: [1, 4, 8],
};

/** The definition, one element at a time. */
function level(z: number, i: number): number {
  return (attrs.thresholds[i] as readonly number[]).filter((t) => z >= t).length;
}

const rows = [
  [-2, -1, -1],
  [-1, 0, -0.25],
  [0.5, -0, 0.25],
  [2, 1, 0],
  [1.9999998807907104, -1e-45, 0.24999998509883881],
  [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
  [Number.NaN, Number.NaN, Number.NaN],
  [3.4028234663852886e38, -3.4028234663852886e38, 1e-45],
];

eachEngine(() => {
  describe('fsqQuantize', () => {
    it('counts the thresholds that z has reached, also for NaN, infinity and the thresholds themselves', async () => {
      const z = tensor2d(rows.flat(), [rows.length, 3]);
      const [codes, indices] = fsqQuantize({ z }, attrs);
      const levels = rows.flat().map((value, k) => level(value, k % 3));
      expect(codes.shape).toEqual([rows.length, 3]);
      expect(codes.dtype).toBe('float32');
      expect(indices.shape).toEqual([rows.length]);
      expect(indices.dtype).toBe('int32');
      await expectIdentical(
        codes,
        levels.map((l, k) => Math.fround((l - (attrs.centers[k % 3] as number)) * (attrs.steps[k % 3] as number))),
      );
      await expectIdentical(
        indices,
        rows.map((_, n) =>
          [0, 1, 2].reduce((sum, i) => sum + (levels[n * 3 + i] as number) * (attrs.basis[i] as number), 0),
        ),
      );
      // Row 1 stands on thresholds: each belongs to the upper level.
      expect(levels.slice(3, 6)).toEqual([1, 1, 1]);
      // NaN has reached no threshold.
      expect(levels.slice(21, 24)).toEqual([0, 0, 0]);
    });

    it('gives the codes of its levels the bits of fsqCodes', async () => {
      const values = createRng(1).normalArray(300, 2);
      const z = tensor2d(values, [100, 3]);
      const [codes] = fsqQuantize({ z }, attrs);
      const levels = tensor2d(
        [...values].map((value, k) => level(value, k % 3)),
        [100, 3],
        'int32',
      );
      await expectIdentical(fsqCodes(levels, attrs), codes);
    });

    it('is undone by fsqDecode, bit for bit', async () => {
      for (const n of [1, 1500]) {
        const [codes, indices] = fsqQuantize({ z: tensor2d(createRng(4).normalArray(3 * n, 2), [n, 3]) }, attrs);
        await expectIdentical(fsqDecode(indices, attrs), codes);
      }
      const wide = { ...attrs, levels: [1289, 1290, 1291], centers: [0, 0, 0], steps: [1, 1, 1] };
      await expectIdentical(
        fsqDecode(tensor1d([1289 * 1290 * 1291 - 1, 1289, 0], 'int32'), wide),
        [1288, 1289, 1290, 0, 1, 0, 0, 0, 0],
      );
    });

    it('has the same indices without the codes', async () => {
      const [, indices] = fsqQuantize({ z: tensor2d(rows.flat(), [rows.length, 3]) }, attrs);
      const [alone] = fsqEncode({ z: tensor2d(rows.flat(), [rows.length, 3]) }, attrs);
      expect([alone.shape, alone.dtype]).toEqual([[rows.length], 'int32']);
      await expectIdentical(alone, indices);
      for (const n of [1, 15, 16, 17, 1000]) {
        const z = tensor2d(createRng(n).normalArray(3 * n, 2), [n, 3]);
        await expectIdentical(fsqEncode({ z }, attrs)[0], fsqQuantize({ z }, attrs)[1]);
      }
    });

    it('has the slope of the bound as its gradient', async () => {
      const values = createRng(2).normalArray(60, 1.5);
      const z = tensor2d(values, [20, 3]);
      const weights = createRng(3).normalArray(60, 1);
      const slope = (hardClamp: boolean): Tensor =>
        grad((x: Tensor) =>
          mul(fsqQuantize({ z: x as typeof z }, { ...attrs, hardClamp })[0], tensor2d(weights, [20, 3])),
        )(z);
      const expected = (hardClamp: boolean): number[] =>
        [...values].map((value, k) => {
          const y = value + (attrs.shifts[k % 3] as number);
          const bound = hardClamp ? (Math.abs(y) <= 1 ? 1 : 0) : 1 - Math.tanh(y) ** 2;
          return (attrs.slopes[k % 3] as number) * bound * (weights[k] as number);
        });
      await expectClose(slope(false), expected(false), tolerances.float32);
      await expectClose(slope(true), expected(true), tolerances.float32);
    });

    it('has that gradient for any number of tokens, whatever is left over beside whole vectors', async () => {
      for (const n of [1, 2, 3, 4, 5, 7, 9, 257]) {
        const values = createRng(n).normalArray(3 * n, 3);
        const z = tensor2d(values, [n, 3]);
        for (const hardClamp of [false, true]) {
          const slope = grad((x: Tensor) => fsqQuantize({ z: x as typeof z }, { ...attrs, hardClamp })[0])(z);
          const expected = [...values].map((value, k) => {
            const y = value + (attrs.shifts[k % 3] as number);
            const bound = hardClamp ? Number(Math.abs(y) <= 1) : Math.cosh(y) ** -2;
            return (attrs.slopes[k % 3] as number) * bound;
          });
          await expectClose(slope, expected, tolerances.float32);
        }
      }
    });

    it('has a gradient of 0 at the infinities and far out, NaN at NaN (0 there with a hard clamp)', async () => {
      const far = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1e30, -1e30, 50];
      const z = tensor2d(far, [2, 3]);
      const slope = (hardClamp: boolean): Tensor =>
        grad((x: Tensor) => fsqQuantize({ z: x as typeof z }, { ...attrs, hardClamp })[0])(z);
      await expectIdentical(slope(false), [0, 0, Number.NaN, 0, 0, 0]);
      await expectIdentical(slope(true), [0, 0, 0, 0, 0, 0]);
    });

    it('adds its index up in integers', async () => {
      const wide: FsqAttrs = { ...attrs, levels: [2, 2, 2], thresholds: [[0], [0], [0]], basis: [1, 2 ** 24, 2 ** 30] };
      const [, indices] = fsqQuantize({ z: tensor2d([[1, 1, 1]]) }, wide);
      await expectIdentical(indices, [1 + 2 ** 24 + 2 ** 30]);
    });

    it('leaks nothing', () => {
      const z = tensor2d(createRng(1).normalArray(9, 1), [3, 3]);
      const step = (): void => {
        for (const output of fsqQuantize({ z }, attrs)) output.dispose();
        fsqEncode({ z }, attrs)[0].dispose();
        grad((x: Tensor) => fsqQuantize({ z: x as typeof z }, attrs)[0])(z).dispose();
      };
      step();
      const before = memory();
      for (let i = 0; i < 20; i++) step();
      expect(memory().numTensors).toBe(before.numTensors);
      expect(memory().numBytes).toBe(before.numBytes);
      z.dispose();
    });
  });
});
