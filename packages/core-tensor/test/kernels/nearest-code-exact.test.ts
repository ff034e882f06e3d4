import {
  memory,
  mul,
  square,
  sum,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tensor2d,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core';
import { eachEngine, expectSame, spreadIt } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createRng, nearestCode, nearestCodeExact, type ScoreInputs, UnsupportedError } from '../../src/index.ts';
import { NearestCodeExact } from '../../src/kernels/nearest-code-exact.ts';

/** argmin_k |x_n - c_k|² in float64, feature by feature, the lowest index of equal sums. */
function nearest64(x: ArrayLike<number>, codes: ArrayLike<number>, f: number): Int32Array {
  return Int32Array.from({ length: x.length / f }, (_, n) => {
    let [index, least] = [0, Number.POSITIVE_INFINITY];
    for (let k = 0; k * f < codes.length; k++) {
      let distance = 0;
      for (let i = 0; i < f; i++) distance += ((x[n * f + i] as number) - (codes[k * f + i] as number)) ** 2;
      if (distance < least) [index, least] = [k, distance];
    }
    return index;
  });
}

/** Vectors between two random codes, off the middle by so little that float32 scores cannot tell which is nearer. */
function nearTies(n: number, codes: Float32Array, f: number, seed: number): Float32Array {
  const rng = createRng(seed);
  const k = codes.length / f;
  return Float32Array.from(
    { length: n * f },
    (() => {
      let [a, b] = [0, 0];
      return (_: unknown, i: number) => {
        if (i % f === 0) [a, b] = [rng.integer(k), rng.integer(k)];
        return ((codes[a * f + (i % f)] as number) + (codes[b * f + (i % f)] as number)) / 2;
      };
    })(),
  );
}

function search(x: Float32Array, codes: Float32Array, f: number): Tensor2D[] {
  return [tensor2d(x, [x.length / f, f]), tensor2d(codes, [codes.length / f, f])];
}

/** What an engine runs, and the reference, which it may have no use for. */
const SEARCHES = {
  nearestCodeExact: (x: Tensor2D, codes: Tensor2D) => nearestCodeExact({ x, codes }),
  'the reference of nearestCodeExact': (x: Tensor2D, codes: Tensor2D) =>
    tidy(() => NearestCodeExact.reference({ x, codes }, {})[0]),
};

eachEngine((engine) => {
  describeSearch('nearestCodeExact', SEARCHES.nearestCodeExact);
  const reference = 'the reference of nearestCodeExact';
  describeSearch(reference, SEARCHES[reference], spreadIt(engine));

  it('nearestCodeExact goes by the scores of each call, for the same codes', async () => {
    const rng = createRng(9);
    const [own, book] = [rng.normalArray(40 * 8, 1), rng.normalArray(300 * 8, 1)];
    const [x, codes] = search(own, book, 8) as [Tensor2D, Tensor2D];
    const expected = nearest64(own, book, 8);
    const slack = tensor1d([1e-4, 1e-4, 1e-4]);
    // Two spaces in which the scores are the same: keys of the one are wrong for queries of the other.
    for (const sign of [1, -1, 1]) {
      const scores = {
        queries: mul(x, sign),
        keys: mul(codes, sign),
        bias: mul(sum(square(codes), 1), -0.5),
        moved: x,
      };
      const found = nearestCodeExact({ x, codes, ...(scores as unknown as ScoreInputs), slack });
      await expectSame(found, expected);
      await expectSame(nearestCodeExact({ x, codes }), expected);
    }
  });

  it('the reference of nearestCodeExact gives index 0 to rows that are not finite or too large, and never chooses such a code', async () => {
    const nearest = SEARCHES['the reference of nearestCodeExact'];
    const codes = tensor2d([
      [Number.NaN, 9],
      [0.5, 0.5],
      [1, Number.POSITIVE_INFINITY],
      [-4, 2 ** 56],
      [3, 3],
    ]);
    const x = tensor2d([
      [1, 1],
      [Number.NaN, 5],
      [9, 9],
      [Number.NEGATIVE_INFINITY, 9],
      [2 ** 56, 3],
    ]);
    await expectSame(nearest(x, codes), [1, 0, 4, 0, 0]);
    const none = tensor2d([
      [Number.NaN, 9],
      [2 ** 57, 1],
    ]);
    await expectSame(nearest(x, none), [0, 0, 0, 0, 0]);
  });

  describe('nearestCodeExact', () => {
    it('takes more than 8,192 features, where an engine has its own', async () => {
      const codes = tensor2d(createRng(2).normalArray(3 * 8193, 1), [3, 8193]);
      await expectSame(nearestCodeExact({ x: codes, codes }), [0, 1, 2]);
      expect(() => tidy(() => NearestCodeExact.reference({ x: codes, codes }, {})[0])).toThrow(UnsupportedError);
    });

    it('takes every finite number, and gives what is not finite the first code that is', async () => {
      const codes = tensor2d([
        [Number.NaN, 9],
        [0.5, 0.5],
        [1, Number.POSITIVE_INFINITY],
        [-4, 2 ** 56],
        [3e38, 3e38],
      ]);
      const x = tensor2d([
        [1, 1],
        [Number.NaN, 5],
        [-4, 2 ** 56],
        [Number.NEGATIVE_INFINITY, 9],
        [3.4e38, -3.4e38],
        [3.4e38, 3.4e38],
      ]);
      await expectSame(nearestCodeExact({ x, codes }), [1, 1, 3, 1, 1, 4]);
      const none = tensor2d([
        [Number.NaN, 9],
        [Number.POSITIVE_INFINITY, 1],
      ]);
      await expectSame(nearestCodeExact({ x, codes: none }), [0, 0, 0, 0, 0, 0]);
    });

    it('agrees with nearestCode but for near-ties', async () => {
      const rng = createRng(8);
      const [x, codes] = search(rng.normalArray(500 * 6, 1), rng.normalArray(64 * 6, 1), 6) as [Tensor2D, Tensor2D];
      const bias = mul(sum(square(codes), 1), -0.5) as Tensor1D;
      await expectSame(nearestCodeExact({ x, codes }), nearestCode({ x, keys: codes, bias }));
    });
  });
});

function describeSearch(
  name: string,
  nearest: (x: Tensor2D, codes: Tensor2D) => Tensor1D,
  add: (name: string, work: () => unknown) => void = it,
): void {
  const expectExact = async (x: Float32Array, codes: Float32Array, f: number): Promise<void> => {
    const [queries, keys] = search(x, codes, f) as [Tensor2D, Tensor2D];
    await expectSame(nearest(queries, keys), nearest64(x, codes, f));
  };

  describe(name, () => {
    for (const [n, k, f] of [
      [1, 1, 1],
      [9, 3, 2],
      [200, 130, 5],
      [100, 40, 33],
      [10, 20, 300],
      [2, 4200, 1],
    ] as const) {
      add(`is float64's index of ${k} codes of ${f} features, at random and between two codes`, async () => {
        const rng = createRng(10 * k + f);
        const codes = rng.normalArray(k * f, 1);
        await expectExact(rng.normalArray(n * f, 1), codes, f);
        await expectExact(nearTies(n, codes, f, 7), codes, f);
      });
    }

    add('is float64’s index with a common offset, and for scales far apart', async () => {
      const f = 8;
      for (const [offset, scale] of [
        [1000, 1],
        [-3e5, 10],
        [0, 1e-5],
        [0, 1e12],
      ] as const) {
        const rng = createRng(3);
        const codes = rng.normalArray(60 * f, scale).map((value) => value + offset);
        await expectExact(
          rng.normalArray(80 * f, scale).map((value) => value + offset),
          codes,
          f,
        );
        await expectExact(nearTies(80, codes, f, 5), codes, f);
      }
      const rng = createRng(4);
      const wide = rng.normalArray(60 * f, 1).map((value, i) => value * 10 ** ((Math.floor(i / f) % 7) - 3));
      await expectExact(nearTies(80, wide, f, 5), wide, f);
    });

    add('takes the lowest index of codes that are equally near, where the sums are exact', async () => {
      const rng = createRng(6);
      const whole = (count: number): Float32Array => Float32Array.from({ length: count }, () => rng.integer(3) * 2 - 2);
      for (const [k, f] of [
        [700, 3],
        [50, 4],
      ] as const) {
        await expectExact(whole(50 * f), whole(k * f), f);
      }
    });

    add('tells apart what nearestCode cannot', async () => {
      // The squares of the distances are 2^-44 and 0, the scores about 1/2.
      const x = tensor2d([[1 + 2 ** -22]]);
      const codes = tensor2d([[1], [1 + 2 ** -22], [-50]]);
      await expectSame(nearest(x, codes), [1]);
    });

    add('takes no rows, and leaves nothing behind', async () => {
      const codes = tensor2d([[0], [1]]);
      const empty = nearest(zeros([0, 1]), codes);
      expect(empty.shape).toEqual([0]);
      const before = memory().numTensors;
      const indices = nearest(codes, codes);
      expect(memory().numTensors).toBe(before + 1);
      await expectSame(indices, [0, 1]);
    });
  });
}
