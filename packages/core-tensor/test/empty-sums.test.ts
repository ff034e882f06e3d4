import {
  add,
  all,
  any,
  dot,
  einsum,
  fused,
  grads,
  matMul,
  max,
  mean,
  min,
  moments,
  mul,
  norm,
  ones,
  prod,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tidy,
  unsortedSegmentSum,
  zeros,
} from '@tensorflow/tfjs-core';
import { engineMissing, expectSame, startEngine } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';

const nothing = (...shape: number[]): Tensor => zeros(shape);
const flags = (...shape: number[]): Tensor => zeros(shape, 'bool');

/** Sums of no terms, and what each of their elements is. */
const cases: Record<string, { make: () => Tensor | Tensor[]; is: number; onWasm?: number }> = {
  'sum over the first axis': { make: () => sum(nothing(0, 3), 0), is: 0 },
  'sum over the last axis': { make: () => sum(nothing(3, 0), 1), is: 0 },
  'sum over an axis between': { make: () => sum(nothing(2, 0, 3), 1), is: 0 },
  'sum of everything': { make: () => sum(nothing(0, 3)), is: 0 },
  'sum of integers': { make: () => sum(zeros([0, 3], 'int32'), 0), is: 0 },
  any: { make: () => any(flags(0, 3), 0), is: 0 },
  'norm and dot': { make: () => [norm(nothing(3, 0), 2, 1), dot(nothing(0), nothing(0))], is: 0 },
  'matMul of inner size 0': { make: () => matMul(nothing(4, 0) as Tensor2D, nothing(0, 5) as Tensor2D), is: 0 },
  'fused.matMul of inner size 0': {
    make: () =>
      fused.matMul({ a: nothing(4, 0), b: nothing(0, 5), bias: tensor1d([7, 7, 7, 7, 7]), activation: 'relu' }),
    is: 7,
    // tfjs's own kernel leaves the bias out.
    onWasm: 0,
  },
  'gradients of matMul': {
    make: () => grads((a, b) => sum(matMul(a, b)))([nothing(0, 3), ones([3, 4])]).slice(1),
    is: 0,
  },
  einsum: {
    make: () => [
      einsum('ij,jk->ik', nothing(2, 0), nothing(0, 3)),
      einsum('ij->i', nothing(2, 0)),
      einsum('ij->', nothing(2, 0)),
    ],
    is: 0,
  },
  unsortedSegmentSum: {
    make: () => unsortedSegmentSum(nothing(0, 3) as Tensor2D, zeros([0], 'int32') as Tensor1D, 4),
    is: 0,
  },
  'gradient of a broadcast bias': {
    make: () => grads((x, bias) => sum(add(x, bias)))([nothing(0, 3), ones([3])]).slice(1),
    is: 0,
  },
};

/** What has no right answer that all would agree on: wasm and webgpu do what tfjs's cpu engine does. */
const asOnCpu: typeof cases = {
  mean: { make: () => [mean(nothing(0, 3), 0), mean(nothing(0)), mean(nothing(3, 0), 1)], is: 0 },
  moments: { make: () => Object.values(moments(nothing(3, 0), 1)) as Tensor[], is: 0 },
  prod: { make: () => [prod(nothing(0, 3), 0), prod(nothing(3, 0), 1), prod(zeros([3, 0], 'int32'), 1)], is: 1 },
  'max and min': { make: () => [max(nothing(0, 3), 0), min(nothing(3, 0), 1)], is: Number.NaN },
  all: { make: () => all(flags(3, 0), 1), is: 0 },
};

/** Leaves numbers behind in the memory that the next small tensors get. */
function litter(): void {
  tidy(() => {
    for (let size = 1; size <= 256; size++) mul(ones([size]), 777);
  });
}

for (const engine of ['cpu', 'wasm', 'wasm-threads', 'webgpu'] as const) {
  const missing = engineMissing(engine);
  const title = `sums of no terms on ${engine}`;
  describe.skipIf(missing !== undefined)(missing === undefined ? title : `${title}: skipped, ${missing}`, () => {
    beforeAll(() => startEngine(engine));

    for (const [name, { make, onWasm, ...own }] of Object.entries({ ...cases, ...asOnCpu })) {
      const is = engine.startsWith('wasm') ? (onWasm ?? own.is) : own.is;
      it(`${name}: ${is} everywhere`, async () => {
        litter();
        for (const result of [tidy(make)].flat()) {
          expect(result.size).toBeGreaterThan(0);
          await expectSame(result, Array(result.size).fill(is) as number[]);
          result.dispose();
        }
      });
    }
  });
}
