import { grad, memory, mul, sum, type Tensor, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { eachEngine, expectIdentical, expectSame } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createRng, residualSign, residualSignDecode } from '../../src/index.ts';

/** The definition, one element at a time. */
function bruteForce(x: Float32Array, d: number, scales: readonly number[]): { codes: number[]; indices: number[] } {
  const codes: number[] = new Array(x.length).fill(0);
  const indices: number[] = new Array((x.length / d) * scales.length).fill(0);
  for (const [k, value] of x.entries()) {
    let residual = value;
    for (const [j, scale] of scales.entries()) {
      const at = Math.floor(k / d) * scales.length + j;
      const code = Math.fround(residual > 0 ? scale : -scale);
      indices[at] = 2 * (indices[at] as number) + Number(residual > 0);
      codes[k] = Math.fround((codes[k] as number) + code);
      residual = Math.fround(residual - code);
    }
  }
  return { codes, indices };
}

const halves = (depth: number, first = 1): number[] => Array.from({ length: depth }, (_, j) => first * 2 ** -j);

eachEngine((engine) => {
  describe('residualSign', () => {
    for (const [d, scales] of [
      [1, [1]],
      [10, halves(8)],
      [3, halves(5, 1 / Math.sqrt(3))],
      [4, [1, 0.3, 0.7]],
      [17, halves(2, 0.1)],
      [30, halves(3)],
    ] as const) {
      it(`is the definition bit for bit, and is undone: d = ${d}, scales ${scales}`, async () => {
        for (const n of engine === 'webgpu' ? [17, 600] : [1, 2, 15, 16, 17, 33, 600]) {
          const values = createRng(n + d).normalArray(n * d, 1);
          const expected = bruteForce(values, d, scales);
          const [codes, indices] = residualSign({ x: tensor2d(values, [n, d]) }, { scales });
          expect([codes.shape, codes.dtype, indices.shape, indices.dtype]).toEqual([
            [n, d],
            'float32',
            [n, scales.length],
            'int32',
          ]);
          await expectIdentical(codes, expected.codes);
          await expectIdentical(indices, expected.indices);
          await expectIdentical(residualSignDecode(indices, d, { scales }, false), codes);
        }
      });
    }

    it('counts 0, -0 and NaN as not above 0, and the smallest number as above', async () => {
      const x = Float32Array.from([0, -0, Number.NaN, 1e-30, Infinity, -Infinity]);
      const [, indices] = residualSign({ x: tensor2d(x, [2, 3]) }, { scales: [2, 1] });
      await expectIdentical(indices, bruteForce(x, 3, [2, 1]).indices);
    });

    it('passes the gradient of the codes on to x', async () => {
      const weights = tensor2d(createRng(2).normalArray(12, 1), [3, 4]);
      const f = (x: Tensor): Tensor => sum(mul(residualSign({ x: x as Tensor2D }, { scales: [1, 0.5] })[0], weights));
      await expectSame(grad(f)(tensor2d(createRng(3).normalArray(12, 1), [3, 4])), weights);
    });

    it('leaves nothing behind', () => {
      const x = tensor2d(createRng(1).normalArray(84, 1), [21, 4]);
      const scales = [1, 0.5];
      const before = memory().numTensors;
      for (let i = 0; i < 5; i++) {
        const [codes, indices] = residualSign({ x }, { scales });
        residualSignDecode(indices, 4, { scales }, true).dispose();
        codes.dispose();
        indices.dispose();
        grad((y: Tensor) => sum(residualSign({ x: y as Tensor2D }, { scales })[0]))(x).dispose();
      }
      expect(memory().numTensors).toBe(before);
      x.dispose();
    });
  });

  describe('residualSignDecode', () => {
    it('gives 0 for padding, leaves dropped layers out, and gives NaN in the whole of what is no token', async () => {
      const decode = (rows: number[][], dropout: boolean): Tensor =>
        residualSignDecode(tensor2d(rows, [rows.length, 2], 'int32'), 5, { scales: [1, 0.25] }, dropout);
      const nan = new Array<number>(5).fill(Number.NaN);
      const rows = [
        [-1, -1],
        [0b10110, 0b00001],
        [0b10110, -1],
        [-1, 3],
        [32, 0],
        [0, 32],
        [0, -2],
        [2 ** 31 - 1, -1],
      ];
      const padding = [0, 0, 0, 0, 0];
      const whole = [0.75, -1.25, 0.75, 0.75, -0.75];
      const broken = rows.slice(3).flatMap(() => nan);
      await expectIdentical(decode(rows, true), [...padding, ...whole, 1, -1, 1, 1, -1, ...broken]);
      await expectIdentical(decode(rows, false), [...padding, ...whole, ...nan, ...broken]);
    });

    it('is exact at the ends of every number of bits', async () => {
      for (const d of [1, 2, 15, 16, 17, 29, 30]) {
        const edges = [0, 1, 2 ** (d - 1) - 1, 2 ** (d - 1), 2 ** d - 1];
        const expected = edges.flatMap((index) =>
          Array.from({ length: d }, (_, i) => (Math.floor(index / 2 ** (d - 1 - i)) % 2 === 1 ? 1 : -1)),
        );
        const indices = tensor2d(edges, [5, 1], 'int32');
        await expectIdentical(residualSignDecode(indices, d, { scales: [1] }, false), expected);
      }
    });
  });
});
