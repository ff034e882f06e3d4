import {
  matMul,
  max,
  mean,
  min,
  randomNormal,
  sum,
  type Tensor,
  tensor1d,
  tensor2d,
  tidy,
  transpose,
  unsortedSegmentSum,
  zeros,
} from '@tensorflow/tfjs-core';
import { engineMissing, expectClose, expectIdentical, expectSame, startEngine, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';

const missing = engineMissing('webgpu');

/** Runs `make` on cpu and on webgpu and expects the same. */
async function expectAsOnCpu(make: () => Tensor): Promise<void> {
  await startEngine('cpu');
  const expected = tidy(make);
  const values = await expected.data();
  await startEngine('webgpu');
  const actual = tidy(make);
  expect(actual.shape).toEqual(expected.shape);
  await expectClose(actual, values, tolerances.float32);
}

const normal = (shape: number[], seed: number): Tensor => randomNormal(shape, 0, 1, 'float32', seed);

describe.skipIf(missing !== undefined)(
  missing === undefined ? 'small tensors' : `small tensors: skipped, ${missing}`,
  () => {
    for (const [a, b] of [
      [
        [5, 7],
        [7, 3],
      ],
      [
        [4, 5, 7],
        [4, 7, 3],
      ],
      [
        [1, 5, 70],
        [4, 70, 3],
      ],
      [
        [2, 2, 5, 7],
        [7, 3],
      ],
      [
        [200, 80],
        [80, 90],
      ],
    ] as [number[], number[]][]) {
      it(`[${a}] times [${b}], also with each side transposed`, async () => {
        const turned = (shape: number[]): number[] => [...shape.slice(0, -2), ...shape.slice(-2).reverse()];
        await expectAsOnCpu(() => matMul(normal(a, 1), normal(b, 2)));
        await expectAsOnCpu(() => matMul(normal(turned(a), 1), normal(b, 2), true));
        await expectAsOnCpu(() => matMul(normal(a, 1), normal(turned(b), 2), false, true));
        await expectAsOnCpu(() => matMul(normal(turned(a), 1), normal(turned(b), 2), true, true));
      });
    }

    for (const [name, reduce] of Object.entries({ sum, mean, max, min })) {
      it(`${name} over any axes, of small and of large tensors`, async () => {
        for (const axis of [undefined, 0, 1, 2, [0, 2], [1, 2]]) {
          await expectAsOnCpu(() => reduce(normal([3, 4, 5], 1), axis));
          await expectAsOnCpu(() => reduce(normal([3, 4, 5], 1), axis, true));
        }
        await expectAsOnCpu(() => reduce(normal([3, 700], 1), 1));
        await expectAsOnCpu(() => reduce(normal([40_001], 1)));
        await expectAsOnCpu(() => reduce(normal([5000, 3], 1), 0, true));
        await expectAsOnCpu(() => reduce(normal([2, 70, 70], 1), [1, 2]));
      });
    }

    it('max and min keep NaN', async () => {
      await startEngine('webgpu');
      const x = tensor2d([1, Number.NaN, 3, Number.NaN, 2, 1, 4, 5, Number.NaN, 1, 2, 3], [4, 3]);
      await expectSame(max(x, 1), [Number.NaN, Number.NaN, Number.NaN, 3]);
      await expectSame(min(x, 1), [Number.NaN, Number.NaN, Number.NaN, 1]);
    });

    it('added up by segments, with the same bits in every run', async () => {
      await startEngine('webgpu');
      for (const shape of [[1000], [1000, 3], [1000, 2, 20]]) {
        const ids = tensor1d(
          Array.from({ length: 1000 }, (_, i) => ((i * 7919) % 9) - 1),
          'int32',
        );
        const make = (): Tensor => unsortedSegmentSum(normal(shape, 1), ids, 7);
        await expectAsOnCpu(make);
        await expectIdentical(make(), make());
      }
      const integers = tensor1d([2 ** 24 + 1, 1, 7], 'int32');
      await expectIdentical(unsortedSegmentSum(integers, tensor1d([1, 1, 5], 'int32'), 2), [0, 2 ** 24 + 2]);
      await expectIdentical(unsortedSegmentSum(zeros([0, 3]), zeros([0], 'int32'), 2), [0, 0, 0, 0, 0, 0]);
    });

    it('transposed in every order', async () => {
      for (const perm of [
        [0, 2, 1, 3],
        [3, 0, 1, 2],
        [3, 2, 1, 0],
      ]) {
        await expectAsOnCpu(() => transpose(normal([2, 3, 4, 5], 1), perm));
      }
    });
  },
);
