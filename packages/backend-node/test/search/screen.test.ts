import '@tensorflow/tfjs-backend-cpu';
import { backend, memory, setBackend, type Tensor } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { expectSame, nearestByFloat64 } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { centredSpace } from '../../src/search/code-scores.ts';
import { screen } from '../../src/search/screen.ts';

const read = ({ dataId }: Tensor): Float32Array => backend().readSync(dataId) as Float32Array;

function screened(x: Float32Array, codes: Float32Array, dim: number): { left: number[]; indices: Int32Array } {
  const indices = new Int32Array(x.length / dim).fill(-1);
  return { left: screen(centredSpace(codes, dim)(x), codes, x, indices, read), indices };
}

function random(seed: number, count: number, dim: number, scale = 1): Float32Array {
  return createRng(seed).normalArray(count * dim, scale);
}

describe('screen', () => {
  beforeAll(async () => {
    await setBackend('cpu');
  });

  for (const [k, dim, scale] of [
    [1, 1, 1],
    [300, 4, 1],
    [1500, 33, 1],
    // Tokens far longer than codes, as at the beginning of a training.
    [1500, 33, 0.001],
  ] as const) {
    it(`decides all tokens among ${k} codes of ${dim} features and size ${scale}, and leaves no tensor`, async () => {
      const [x, codes] = [random(k, 400, dim), random(k + 1, k, dim, scale)];
      const { numTensors } = memory();
      const { left, indices } = screened(x, codes, dim);
      expect(memory().numTensors).toBe(numTensors);
      expect(left).toEqual([]);
      await expectSame(indices, nearestByFloat64({ x, codes, dim }));
    });
  }

  it('knows the length of each code: far ones leave no token open', async () => {
    const dim = 4;
    const [x, codes] = [random(1, 400, dim), random(2, 300, dim)];
    for (const far of [1e3, 1e6, 1e12, 1e30]) {
      for (let k = 0; k < 300; k += 10) codes.fill(far, k * dim, (k + 1) * dim);
      const { left, indices } = screened(x, codes, dim);
      expect(left).toEqual([]);
      await expectSame(indices, nearestByFloat64({ x, codes, dim }));
    }
  });

  it('leaves tokens that are not finite, far away or at the same distance from many codes', () => {
    const codes = Float32Array.of(Number.NaN, 1, 9, 9, 1, 1.5, 1, Number.POSITIVE_INFINITY);
    const x = Float32Array.of(1, 1, Number.NaN, 1, 2 ** 56, 1);
    const { left, indices } = screened(x, codes, 2);
    expect(left).toEqual([1, 2]);
    expect(indices[0]).toBe(2);
    expect(screened(random(3, 5, 2), new Float32Array(2 * 200).fill(1), 2).left).toEqual([0, 1, 2, 3, 4]);
  });
});
