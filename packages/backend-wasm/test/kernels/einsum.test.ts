import { einsum, grads, mul, randomNormal, sum, type Tensor, tensor2d } from '@tensorflow/tfjs-core';
import { expectSame, gradientError, startEngine, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { expectAsOnCpu } from '../compare.ts';

const cases: [string, number[], number[]?][] = [
  ['ij->ji', [3, 4]],
  ['ijk->k', [2, 3, 4]],
  ['ij->', [2, 3]],
  ['i,i->', [5], [5]],
  ['i,j->ij', [3], [4]],
  ['ij,jk->ik', [3, 4], [4, 5]],
  ['ij,kj->ik', [3, 4], [5, 4]],
  ['ij,ij->i', [3, 4], [3, 4]],
  ['bij,jk->bik', [2, 3, 4], [4, 5]],
  // Attention: scores of queries and keys, then values.
  ['bqhd,bkhd->bhqk', [2, 3, 2, 4], [2, 5, 2, 4]],
  ['bhqk,bkhd->bqhd', [2, 2, 3, 5], [2, 5, 2, 4]],
  ['abc,dcb->ad', [2, 3, 4], [5, 4, 3]],
];

describe('Einsum', () => {
  for (const [equation, left, right] of cases) {
    const make = (): Tensor[] =>
      [left, right].flatMap((shape, i) => (shape === undefined ? [] : [randomNormal(shape, 0, 1, 'float32', i + 1)]));

    it(equation, async () => {
      await expectAsOnCpu(() => einsum(equation, ...make()));
    });

    it(`gradient of ${equation}`, async () => {
      await startEngine('wasm');
      const operands = make();
      for (const [i, operand] of operands.entries()) {
        const f = (x: Tensor): Tensor => {
          const y = einsum(equation, ...operands.map((other, j) => (j === i ? x : other)));
          return sum(mul(y, randomNormal(y.shape, 0, 1, 'float32', 9)));
        };
        expect(await gradientError(f as Parameters<typeof gradientError>[0], operand)).toBeLessThan(
          tolerances.finiteDifference,
        );
      }
      expect(grads((...x: Tensor[]) => sum(einsum(equation, ...x)))(operands).length).toBe(operands.length);
    });
  }

  // The cpu engine of tfjs gives shape [5] here.
  it('ij,jk->', async () => {
    await startEngine('wasm');
    const [a, b] = [tensor2d([1, 2, 3, 4], [2, 2]), tensor2d([1, 1, 0, 2], [2, 2])];
    const total = einsum('ij,jk->', a, b);
    expect(total.shape).toEqual([]);
    await expectSame(total, [1 + 1 + 4 + 3 + 3 + 8]);
  });
});
