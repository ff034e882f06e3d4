import {
  add,
  bitwiseAnd,
  cast,
  concat,
  equal,
  floorDiv,
  gather,
  greater,
  greaterEqual,
  less,
  lessEqual,
  maximum,
  minimum,
  mod,
  mul,
  notEqual,
  slice,
  stack,
  sub,
  sum,
  type Tensor,
  tensor1d,
  tensor2d,
  tile,
  transpose,
  where,
} from '@tensorflow/tfjs-core';
import { engineMissing, expectIdentical, startEngine } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';

const missing = engineMissing('webgpu');
const A = [2 ** 31 - 1, -(2 ** 31), 2 ** 24 + 1, -(2 ** 24) - 1, 7, -7, 0, 1];
const B = [3, -5, 2 ** 24 - 1, 2 ** 24 + 3, -2, 2, 9, 1_000_000_007];

const floorMod = (a: number, b: number): number => a - b * Math.floor(a / b);

const binary: [name: string, op: (a: Tensor, b: Tensor) => Tensor, expected: (a: number, b: number) => number][] = [
  ['add', add, (a, b) => (a + b) | 0],
  ['sub', sub, (a, b) => (a - b) | 0],
  ['mul', mul, Math.imul],
  ['floorDiv', floorDiv, (a, b) => Math.floor(a / b)],
  ['mod', mod, floorMod],
  ['maximum', maximum, Math.max],
  ['minimum', minimum, Math.min],
  ['equal', equal, (a, b) => Number(a === b)],
  ['notEqual', notEqual, (a, b) => Number(a !== b)],
  ['greater', greater, (a, b) => Number(a > b)],
  ['greaterEqual', greaterEqual, (a, b) => Number(a >= b)],
  ['less', less, (a, b) => Number(a < b)],
  ['lessEqual', lessEqual, (a, b) => Number(a <= b)],
  ['bitwiseAnd', bitwiseAnd, (a, b) => a & b],
];

describe.skipIf(missing !== undefined)(missing === undefined ? 'integers' : `integers: skipped, ${missing}`, () => {
  beforeAll(() => startEngine('webgpu'));

  for (const [name, op, expected] of binary) {
    it(`${name} is exact over all of int32`, async () => {
      const result = op(tensor1d(A, 'int32'), tensor1d(B, 'int32'));
      await expectIdentical(
        result,
        A.map((a, i) => expected(a, B[i] as number)),
      );
    });
  }

  it('broadcast as floats do', async () => {
    const column = tensor2d(A, [8, 1], 'int32');
    const row = tensor1d([1, 2 ** 24 + 1], 'int32');
    const expected = A.flatMap((a) => [Math.imul(a, 1), Math.imul(a, 2 ** 24 + 1)]);
    expect(mul(column, row).shape).toEqual([8, 2]);
    await expectIdentical(mul(column, row), expected);
    await expectIdentical(mul(row, column), expected);
  });

  it('add up over any axes', async () => {
    const x = tensor2d(A, [4, 2], 'int32');
    const total = A.reduce((a, b) => (a + b) | 0, 0);
    await expectIdentical(sum(x), [total]);
    await expectIdentical(
      sum(x, 1),
      [0, 2, 4, 6].map((i) => ((A[i] as number) + (A[i + 1] as number)) | 0),
    );
    const columns = [0, 1].map((j) => [0, 2, 4, 6].reduce((s, i) => (s + (A[i + j] as number)) | 0, 0));
    await expectIdentical(sum(x, 0), columns);
    expect(sum(x, 0, true).shape).toEqual([1, 2]);
    await expectIdentical(sum(cast(x, 'bool')), [7]);
  });

  it('move without a change', async () => {
    const x = tensor2d(A, [4, 2], 'int32');
    await expectIdentical(
      transpose(x),
      [0, 2, 4, 6, 1, 3, 5, 7].map((i) => A[i] as number),
    );
    await expectIdentical(slice(x, [1, 0], [2, 2]), A.slice(2, 6));
    await expectIdentical(
      slice(x, [0, 1], [-1, 1]),
      [1, 3, 5, 7].map((i) => A[i] as number),
    );
    await expectIdentical(concat([x, x], 0), [...A, ...A]);
    const rows = [0, 2, 4, 6].map((i) => A.slice(i, i + 2));
    await expectIdentical(
      concat([x, x], 1),
      rows.flatMap((row) => [...row, ...row]),
    );
    await expectIdentical(
      stack([x, x], -1),
      A.flatMap((a) => [a, a]),
    );
    await expectIdentical(tile(x, [2, 1]), [...A, ...A]);
    await expectIdentical(
      tile(x, [1, 2]),
      rows.flatMap((row) => [...row, ...row]),
    );
    await expectIdentical(
      gather(x, tensor1d([3, 0, 3], 'int32')),
      [6, 0, 6].flatMap((i) => A.slice(i, i + 2)),
    );
    await expectIdentical(
      gather(x, tensor1d([1], 'int32'), 1),
      [1, 3, 5, 7].map((i) => A[i] as number),
    );
    const picked = where(greater(x, 0), x, tensor2d(B, [4, 2], 'int32'));
    expect(picked.dtype).toBe('int32');
    await expectIdentical(
      picked,
      A.map((a, i) => (a > 0 ? a : (B[i] as number))),
    );
  });

  it('become floats for a kernel of floats, which tfjs casts in name only', async () => {
    const x = cast(tensor2d([3, -4, 0, 5], [2, 2], 'int32'), 'float32');
    const { signQuantize } = await import('@vqkit/core-tensor');
    const [, indices] = signQuantize({ x: x as never }, { scale: 1 });
    await expectIdentical(indices, [2, 1]);
  });
});
