import { grad, memory, mul, sum, type Tensor, type Tensor2D, tensor1d, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, expectIdentical, expectSame } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createRng, signCodes, signEncode, signQuantize } from '../../src/index.ts';

function bruteForce(x: Float32Array, d: number, scale: number): { codes: number[]; indices: number[] } {
  const n = x.length / d;
  const indices = Array.from({ length: n }, (_, token) => {
    const bits = Array.from(x.subarray(token * d, (token + 1) * d), (value) => (value > 0 ? 1 : 0));
    return Number.parseInt(bits.join(''), 2);
  });
  return { codes: Array.from(x, (value) => Math.fround(value > 0 ? scale : -scale)), indices };
}

eachEngine(() => {
  describe('signQuantize', () => {
    for (const [n, d, scale] of [
      [1, 1, 1],
      [7, 3, 0.5],
      [100, 8, 1],
      [33, 17, 1 / Math.sqrt(17)],
      [129, 5, 2],
      [50, 24, 0.1],
      [200, 31, 3],
    ] as const) {
      it(`gives sign codes and indices with feature 0 as the highest bit, and back: N = ${n}, d = ${d}`, async () => {
        const values = createRng(n + d).normalArray(n * d, 1);
        const expected = bruteForce(values, d, scale);
        const [codes, indices] = signQuantize({ x: tensor2d(values, [n, d]) }, { scale });
        expect([codes.shape, codes.dtype, indices.shape, indices.dtype]).toEqual([[n, d], 'float32', [n], 'int32']);
        await expectIdentical(codes, expected.codes);
        await expectIdentical(indices, expected.indices);
        await expectIdentical(signEncode({ x: tensor2d(values, [n, d]) }, {})[0], expected.indices);
        await expectIdentical(signCodes(indices, d, { scale }), codes);
      });
    }

    it('does so for every number of features, over several groups of tokens and the rest', async () => {
      for (let d = 1; d <= 31; d++) {
        const values = createRng(d).normalArray(203 * d, 1);
        const expected = bruteForce(values, d, 1);
        const [codes, indices] = signQuantize({ x: tensor2d(values, [203, d]) }, { scale: 1 });
        await expectIdentical(codes, expected.codes);
        await expectIdentical(indices, expected.indices);
        await expectIdentical(signEncode({ x: tensor2d(values, [203, d]) }, {})[0], expected.indices);
      }
    });

    it('counts 0, -0 and NaN as not above 0, and the smallest number as above', async () => {
      const smallest = 2 ** -149;
      const x = tensor2d(
        [0, -0, Number.NaN, smallest, -smallest, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
        [1, 7],
      );
      const [codes, indices] = signQuantize({ x }, { scale: 2 });
      await expectIdentical(codes, [-2, -2, -2, 2, -2, 2, -2]);
      await expectIdentical(indices, [0b0001010]);
      await expectIdentical(signEncode({ x }, {})[0], [0b0001010]);
    });

    it('is straight-through', async () => {
      const weights = tensor2d(createRng(2).normalArray(12, 1), [3, 4]);
      const f = (x: Tensor): Tensor => sum(mul(signQuantize({ x: x as Tensor2D }, { scale: 0.5 })[0], weights));
      await expectSame(grad(f)(tensor2d(createRng(3).normalArray(12, 1), [3, 4])), weights);
    });

    it('leaves nothing behind', () => {
      const x = tensor2d(createRng(1).normalArray(40, 1), [10, 4]);
      const before = memory().numTensors;
      for (let i = 0; i < 5; i++) {
        tidy(() => {
          const [, indices] = signQuantize({ x }, { scale: 1 });
          signCodes(indices, 4, { scale: 1 });
        });
        const [codes, indices] = signQuantize({ x }, { scale: 1 });
        codes.dispose();
        indices.dispose();
        signEncode({ x }, {})[0].dispose();
        grad((y: Tensor) => sum(signQuantize({ x: y as Tensor2D }, { scale: 1 })[0]))(x).dispose();
      }
      expect(memory().numTensors).toBe(before);
    });
  });

  describe('signCodes', () => {
    it('is exact at the ends of every number of bits', async () => {
      for (let d = 1; d <= 31; d++) {
        const edges = [0, 1, 2 ** (d - 1) - 1, 2 ** (d - 1), 2 ** d - 1].filter((index) => index < 2 ** d);
        const expected = edges.flatMap((index) =>
          Array.from({ length: d }, (_, i) => (Math.floor(index / 2 ** (d - 1 - i)) % 2 === 1 ? 1 : -1)),
        );
        await expectIdentical(signCodes(tensor1d(edges, 'int32'), d, { scale: 1 }), expected);
      }
    });

    it('keeps every bit of the scale', async () => {
      const scale = Math.fround(1 / 3);
      await expectClose(signCodes(tensor1d([2], 'int32'), 2, { scale }), [scale, -scale], 0);
    });
  });
});
