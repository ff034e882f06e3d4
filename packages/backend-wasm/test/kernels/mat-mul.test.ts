import { grads, mul, randomNormal, sum, type Tensor } from '@tensorflow/tfjs-core';
import { matMul } from '@vqkit/core-tensor';
import { describe, it } from 'vitest';
import { expectAsOnCpu } from '../compare.ts';

describe('MatMul and its gradients', () => {
  const cases: [number[], number[]][] = [
    [
      [5, 7],
      [7, 9],
    ],
    [
      [130, 33],
      [33, 17],
    ],
    [
      [1, 300],
      [300, 1],
    ],
    [
      [64, 600],
      [600, 8],
    ],
    [
      [6, 5000],
      [5000, 11],
    ],
    [
      [3, 20, 6],
      [3, 6, 10],
    ],
    [
      [4, 70, 32],
      [1, 32, 24],
    ],
    [
      [1, 9, 4],
      [5, 4, 3],
    ],
    [
      [2, 3, 5, 6],
      [2, 3, 6, 7],
    ],
    [
      [2, 1, 5, 6],
      [1, 3, 6, 7],
    ],
  ];
  for (const [left, right] of cases) {
    for (const [transposeA, transposeB] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      it(`[${left}]${transposeA ? 'ᵀ' : ''} · [${right}]${transposeB ? 'ᵀ' : ''}`, async () => {
        const flip = (shape: number[], yes: boolean): number[] =>
          yes ? [...shape.slice(0, -2), shape.at(-1) as number, shape.at(-2) as number] : shape;
        await expectAsOnCpu(() => {
          const a = randomNormal(flip(left, transposeA), 0, 1, 'float32', 1);
          const b = randomNormal(flip(right, transposeB), 0, 1, 'float32', 2);
          // tfjs-core has no gradient for broadcast batch axes.
          const broadcasts = `${left.slice(0, -2)}` !== `${right.slice(0, -2)}`;
          const product = (x: Tensor, y: Tensor): Tensor => matMul(x, y, transposeA, transposeB);
          const out = product(a, b);
          if (broadcasts) return out;
          const dy = randomNormal(out.shape, 0, 1, 'float32', 3);
          return [out, ...grads((x: Tensor, y: Tensor) => sum(mul(product(x, y), dy)))([a, b])];
        });
      });
    }
  }
});
