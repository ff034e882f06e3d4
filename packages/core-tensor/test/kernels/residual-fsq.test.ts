import { grad, memory, mul, sum, type Tensor, type Tensor2D, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { eachEngine, expectIdentical, expectSame } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createRng, type ResidualFsqAttrs, residualFsq, residualFsqDecode } from '../../src/index.ts';

/** A stack with thresholds anywhere: the kernel knows nothing of bounds. */
function attrsOf(levels: readonly number[], depth: number, seed: number): ResidualFsqAttrs {
  const rng = createRng(seed);
  let weight = 1;
  const basis = levels.map((count) => {
    weight *= count;
    return weight / count;
  });
  return {
    fsq: {
      levels,
      thresholds: [],
      centers: levels.map((count) => (count - 1) / 2),
      steps: levels.map((count) => Math.fround(2 / (count - 1))),
      shifts: levels.map(() => 0),
      slopes: levels.map(() => 1),
      hardClamp: true,
      basis,
    },
    layers: Array.from({ length: depth }, (_, j) => ({
      thresholds: levels.map((count) => [...rng.normalArray(count - 1, 2 ** -j)].sort((a, b) => a - b)),
      scales: levels.map((count) => Math.fround(count ** -j)),
    })),
  };
}

/** The definition, one element at a time. */
function bruteForce(z: Float32Array, { fsq, layers }: ResidualFsqAttrs): { codes: number[]; indices: number[] } {
  const d = fsq.levels.length;
  const tokens = z.length / d;
  const codes: number[] = new Array(z.length).fill(0);
  const indices: number[] = new Array(tokens * layers.length).fill(0);
  for (const [k, value] of z.entries()) {
    const [n, i] = [Math.floor(k / d), k % d];
    let residual = value;
    for (const [j, { thresholds, scales }] of layers.entries()) {
      const level = (thresholds[i] as readonly number[]).filter((t) => residual >= t).length;
      const unit = Math.fround((level - (fsq.centers[i] as number)) * (fsq.steps[i] as number));
      const code = Math.fround(unit * (scales[i] as number));
      codes[k] = Math.fround((codes[k] as number) + code);
      residual = Math.fround(residual - code);
      indices[n * layers.length + j] = (indices[n * layers.length + j] as number) + level * (fsq.basis[i] as number);
    }
  }
  return { codes, indices };
}

const STACKS: [levels: readonly number[], depth: number][] = [
  [[3], 1],
  [[8, 5, 5, 5], 8],
  [[4, 2, 3], 3],
  [[7, 3, 2, 9, 5], 4],
  [[16, 2, 2, 2, 2, 2, 2, 2, 3], 5],
];

eachEngine((engine) => {
  describe('residualFsq', () => {
    for (const [levels, depth] of STACKS) {
      it(`is the definition bit for bit, and is undone: ${depth} layers of ${levels}`, async () => {
        const attrs = attrsOf(levels, depth, 1);
        const d = levels.length;
        for (const n of engine === 'webgpu' ? [17, 600] : [1, 2, 15, 16, 17, 33, 600]) {
          const values = createRng(n).normalArray(n * d, 2);
          const expected = bruteForce(values, attrs);
          const [codes, indices] = residualFsq({ z: tensor2d(values, [n, d]) }, attrs);
          expect([codes.shape, codes.dtype, indices.shape, indices.dtype]).toEqual([
            [n, d],
            'float32',
            [n, depth],
            'int32',
          ]);
          await expectIdentical(codes, expected.codes);
          await expectIdentical(indices, expected.indices);
          await expectIdentical(residualFsqDecode(indices, attrs, false), codes);
        }
      });
    }

    it('gives NaN the lowest levels, the infinities the outer ones, and a threshold the upper one', async () => {
      const attrs = attrsOf([4, 3, 5], 3, 2);
      const on = (attrs.layers[0]?.thresholds ?? []).map((own) => own[1] as number);
      const values = Float32Array.from([Number.NaN, Infinity, -Infinity, ...on, 3e38, -3e38, Number.NaN]);
      const [, indices] = residualFsq({ z: tensor2d(values, [3, 3]) }, attrs);
      await expectIdentical(indices, bruteForce(values, attrs).indices);
    });

    it('passes the gradient of the codes on to z', async () => {
      const attrs = attrsOf([5, 4], 3, 3);
      const weights = tensor2d(createRng(5).normalArray(20, 1), [10, 2]);
      const f = (z: Tensor): Tensor => sum(mul(residualFsq({ z: z as Tensor2D }, attrs)[0], weights));
      await expectSame(grad(f)(tensor2d(createRng(4).normalArray(20, 1), [10, 2])), weights);
    });

    it('leaves nothing behind', () => {
      const attrs = attrsOf([5, 4, 3], 3, 3);
      const z = tensor2d(createRng(1).normalArray(63, 1), [21, 3]);
      const before = memory().numTensors;
      for (let i = 0; i < 5; i++) {
        const [codes, indices] = residualFsq({ z }, attrs);
        residualFsqDecode(indices, attrs, false).dispose();
        codes.dispose();
        indices.dispose();
        grad((y: Tensor) => sum(residualFsq({ z: y as Tensor2D }, attrs)[0]))(z).dispose();
      }
      expect(memory().numTensors).toBe(before);
      z.dispose();
    });
  });

  describe('residualFsqDecode', () => {
    const attrs = attrsOf([4, 3, 2, 2, 3], 3, 6);
    const size = 4 * 3 * 2 * 2 * 3;
    const decode = (rows: number[][], dropout: boolean): Tensor =>
      residualFsqDecode(tensor2d(rows, [rows.length, 3], 'int32'), attrs, dropout);
    /** The codes of whole tokens, with 0 for the layers that are not there. */
    const sumOf = (token: number[]): number[] =>
      Array.from({ length: 5 }, (_, i) =>
        token.reduce((total, index, j) => {
          if (index < 0) return total;
          const level = Math.floor(index / (attrs.fsq.basis[i] as number)) % (attrs.fsq.levels[i] as number);
          const unit = Math.fround((level - (attrs.fsq.centers[i] as number)) * (attrs.fsq.steps[i] as number));
          return Math.fround(total + Math.fround(unit * (attrs.layers[j]?.scales[i] as number)));
        }, 0),
      );

    it('knows every index of a layer', async () => {
      const all = Array.from({ length: size }, (_, index) => [index, size - 1 - index, (index * 7) % size]);
      await expectIdentical(decode(all, false), all.flatMap(sumOf));
    });

    it('gives 0 for padding, leaves dropped layers out, and gives NaN in the whole of what is no token', async () => {
      const none = [0, 0, 0, 0, 0];
      const nan = none.map(() => Number.NaN);
      const rows = [
        [-1, -1, -1],
        [5, 3, size - 1],
        [5, -1, -1],
        [5, 3, -1],
        [-1, 3, -1],
        [5, -1, 2],
        [size, 0, 0],
        [0, 0, -2],
        [0, 2 ** 31 - 1, -1],
        [-(2 ** 31), 0, 0],
      ];
      const [whole, partial] = [sumOf(rows[1] as number[]), rows.slice(2, 4).flatMap(sumOf)];
      const broken = rows.slice(4).flatMap(() => nan);
      await expectIdentical(decode(rows, true), [...none, ...whole, ...partial, ...broken]);
      await expectIdentical(decode(rows, false), [...none, ...whole, ...nan, ...nan, ...broken]);
    });

    it('is exact for the largest codebooks', async () => {
      const levels = [1289, 1290, 1291];
      const wide = attrsOf(levels, 2, 1);
      const indices = [1289 * 1290 * 1291 - 1, 1289, 1288, 0, 1289 * 1290, 2 ** 30];
      const exact = { ...wide, fsq: { ...wide.fsq, centers: [0, 0, 0], steps: [1, 1, 1] } };
      const only = { ...exact, layers: [{ thresholds: [], scales: [1, 1, 1] }] };
      const digits = indices.flatMap((index) => [
        index % 1289,
        Math.floor(index / 1289) % 1290,
        Math.floor(index / (1289 * 1290)),
      ]);
      await expectIdentical(residualFsqDecode(tensor2d(indices, [6, 1], 'int32'), only, false), digits);
    });

    it('decodes blocks of tokens of any number', async () => {
      const rng = createRng(9);
      for (const n of [1, 511, 513, 1030]) {
        const rows = Array.from({ length: n }, () => [rng.integer(size), rng.integer(size), rng.integer(size)]);
        await expectIdentical(
          tidy(() => decode(rows, false)),
          rows.flatMap(sumOf),
        );
      }
    });
  });
});
