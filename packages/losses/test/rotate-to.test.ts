import {
  engine,
  grads,
  linspace,
  memory,
  mul,
  ones,
  reshape,
  type Scalar,
  sum,
  type Tensor,
  type Tensor2D,
  tensor,
  tensor2d,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core';
import { createRng, OptionError, ShapeError } from '@vqkit/core-tensor';
import {
  eachEngine,
  expectClose,
  expectSame,
  goldenRotations,
  goldenTensor,
  subnormalsAreZero,
  tolerances,
} from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { ROTATION_MAX_SCALE, type RotateToOptions, rotateTo } from '../src/index.ts';

/** What reaches x when dy comes from above. */
function gradientToX(x: Tensor, q: Tensor, dy: Tensor, options?: RotateToOptions): Tensor {
  const [dx] = grads((z: Tensor) => sum(mul(rotateTo(z, q, options), dy)))([x]);
  return dx as Tensor;
}

/** Rows of one pair (x, q), each with its own gradient from above: [M, d]. */
async function rowsThrough(x: number[], q: number[], g: number[][], options?: RotateToOptions): Promise<Float32Array> {
  const repeated = (row: number[]): Tensor2D => tensor2d(g.map(() => row));
  return (await gradientToX(repeated(x), repeated(q), tensor2d(g), options).data()) as Float32Array;
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((total, value, i) => total + value * (b[i] as number), 0);
const norm = (a: ArrayLike<number>): number => Math.sqrt(dot(a, a));
const unit = (a: ArrayLike<number>): number[] => Array.from(a).map((value) => value / norm(a));
const identity = (d: number): number[][] =>
  Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => (i === j ? 1 : 0)));
const normal = (d: number, seed: number): number[] => [...createRng(seed).normalArray(d, 1)];

/** I - 2wwᵀ + 2q̂ûᵀ in float64, row-major. */
function rotation(x: number[], q: number[]): number[] {
  const [u, v] = [unit(x), unit(q)];
  const w = unit(u.map((value, i) => value + (v[i] as number)));
  return identity(x.length).flatMap((row, i) =>
    row.map((one, j) => one - 2 * (w[i] as number) * (w[j] as number) + 2 * (v[i] as number) * (u[j] as number)),
  );
}

const G = [0.3, -1.2, 0.7];

/** Pairs for which no rotation is defined: [name, x, q]. */
const UNDEFINED: [string, number[], number[]][] = [
  ['x = 0', [0, 0, 0], [1, 2, 3]],
  ['q = 0', [1, 2, 3], [0, 0, 0]],
  ['x = q = 0', [0, 0, 0], [0, 0, 0]],
  ['x = -q', [1, -2, 0.5], [-1, 2, -0.5]],
  ['x = -3q', [3, -6, 1.5], [-1, 2, -0.5]],
  ['x almost -q', [1, -2, 0.5], [-1, 2, -0.50001]],
];

eachEngine((name) => {
  describe('rotateTo', () => {
    for (const [i, golden] of goldenRotations().entries()) {
      it(`golden ${i} of vector-quantize-pytorch`, async () => {
        const [x, q] = [golden.source, golden.target].map((t) => goldenTensor(t as NonNullable<typeof t>)) as [
          Tensor,
          Tensor,
        ];
        await expectSame(rotateTo(x, q), q);
        await expectClose(rotateTo(x, q), golden.out?.data ?? [], tolerances.float32);
        const upstream = reshape(linspace(-1, 1, x.size), x.shape);
        // Golden 0 is the ordinary case. In the others q is opposite to x: the library reflects there, we go straight through.
        const expected = i === 0 ? (golden.grad_source?.data ?? []) : upstream;
        await expectClose(gradientToX(x, q, upstream), expected, tolerances.float32);
      });
    }

    for (const d of [2, 3, 8, 33]) {
      it(`sends back λ Rᵀ g with the one rotation of the plane of x and q, d = ${d}`, async () => {
        const [x, q] = [normal(d, d), normal(d, 100 + d)];
        const scale = norm(q) / norm(x);
        // Row i of the result is λ Rᵀ e_i = λ · (row i of R).
        const r = Array.from(await rowsThrough(x, q, identity(d)), (value) => value / scale);
        await expectClose(r, rotation(x, q), tolerances.float32);
        const rows = identity(d).map((_, i) => r.slice(i * d, (i + 1) * d));
        const products = rows.flatMap((a) => rows.map((b) => dot(a, b)));
        await expectClose(products, identity(d).flat(), tolerances.float32);
        const image = rows.map((row) => dot(row, unit(x)));
        await expectClose(image, unit(q), tolerances.float32);
        // A vector off the plane stays.
        const [u, v] = [unit(x), unit(q)];
        const e = unit(v.map((value, i) => value - dot(v, u) * (u[i] as number)));
        const free = normal(d, 200 + d);
        const off = free.map((value, i) => value - dot(free, u) * (u[i] as number) - dot(free, e) * (e[i] as number));
        await expectClose(
          rows.map((row) => dot(row, off)),
          off,
          tolerances.float32 * Math.max(1, norm(free) / norm(off)),
        );
      });
    }

    it('gives the value q, exactly, also where no rotation is defined', async () => {
      const x = tensor2d([...UNDEFINED.map(([, a]) => a), [1e-30, 0, 0], [1e30, 1e30, 1]]);
      const q = tensor2d([...UNDEFINED.map(([, , b]) => b), [0.1, 0.2, 0.3], [7, 8, 9]]);
      await expectSame(rotateTo(x, q), q);
      await expectSame(
        tidy(() => rotateTo(x, q)),
        q,
      );
    });

    for (const [name, x, q] of UNDEFINED) {
      it(`is straight-through where ${name}`, async () => {
        await expectSame(await rowsThrough(x, q, [G]), Float32Array.from(G));
      });
    }

    it('keeps the length of the gradient however close q comes to -x', async () => {
      const x = normal(64, 1);
      const direction = unit(normal(64, 2));
      const g = normal(64, 3);
      for (let power = 0; power <= 9; power++) {
        const q = x.map((value, i) => -value + 10 ** -power * (direction[i] as number));
        const scale = norm(q) / norm(x);
        const length = norm(await rowsThrough(x, q, [g])) / norm(g);
        // λ |g| where there is a rotation, |g| where there is none; both are near 1 once q is near -x.
        expect(Math.min(Math.abs(length - scale), Math.abs(length - 1))).toBeLessThan(tolerances.float32);
      }
    });

    it('bounds the scale of the gradient: short, tiny and subnormal x', async () => {
      const q = [0, 3, 4];
      for (const [size, maxScale, scale] of [
        [1, undefined, 5],
        [0.06, undefined, 5 / 0.06],
        [1e-3, undefined, ROTATION_MAX_SCALE],
        [1e-3, 1e6, 5000],
        [1e-30, undefined, ROTATION_MAX_SCALE],
        [1e-30, 1e6, 1e6],
        // A subnormal x is one of length 0 where the engine takes it for 0: straight-through.
        [1e-40, undefined, subnormalsAreZero(name) ? 1 : ROTATION_MAX_SCALE],
        [1, 0.5, 0.5],
      ] as const) {
        const options = maxScale === undefined ? {} : { maxScale };
        const dx = await rowsThrough([size, 0, 0], q, [G], options);
        expect(dx.every(Number.isFinite)).toBe(true);
        expect(norm(dx) / (scale * norm(G))).toBeCloseTo(1, 4);
      }
    });

    it('neither overflows nor underflows for very long or very short x and q', async () => {
      for (const size of [subnormalsAreZero(name) ? 1e-36 : 1e-37, 1e-25, 1e25, 1e37]) {
        const [x, q] = [normal(3, 1).map((v) => v * size), normal(3, 2).map((v) => v * size)];
        const expected = await rowsThrough(normal(3, 1), normal(3, 2), [G]);
        await expectClose(await rowsThrough(x, q, [G]), expected, tolerances.float32);
      }
      for (const [x, q] of [
        [1e38, 1e-38],
        [1e-38, 1e38],
      ] as const) {
        const dx = await rowsThrough([x, 0], [0, q], [[1, 2]]);
        expect(dx.every(Number.isFinite)).toBe(true);
      }
    });

    it('scales by |q| / |x| where x and q point the same way, and in one dimension for equal signs', async () => {
      await expectClose(
        await rowsThrough([1, -2, 0.5], [2, -4, 1], [G]),
        G.map((v) => 2 * v),
        tolerances.float32,
      );
      await expectClose(await rowsThrough([0.5], [2], [[3]]), [12], tolerances.float32);
      await expectSame(await rowsThrough([-0.5], [2], [[3]]), [3]);
    });

    it('sends no gradient to q', async () => {
      const [x, q] = [tensor2d([[1, 2]]), tensor2d([[3, -1]])];
      const [, dq] = grads((a: Tensor, b: Tensor) => sum(rotateTo(a, b)))([x, q]);
      await expectSame(dq as Tensor, [0, 0]);
    });

    it('treats every rank as tokens along the last axis', async () => {
      const values = (seed: number): Float32Array => createRng(seed).normalArray(12, 1);
      const dy = values(3);
      const flat = await gradientToX(tensor(values(1), [4, 3]), tensor(values(2), [4, 3]), tensor(dy, [4, 3])).data();
      const deep = gradientToX(
        tensor(values(1), [2, 1, 2, 3]),
        tensor(values(2), [2, 1, 2, 3]),
        tensor(dy, [2, 1, 2, 3]),
      );
      expect(deep.shape).toEqual([2, 1, 2, 3]);
      await expectSame(deep, flat);
      const single = gradientToX(tensor(values(1).slice(0, 3)), tensor(values(2).slice(0, 3)), tensor(dy.slice(0, 3)));
      expect(single.shape).toEqual([3]);
      await expectSame(single, flat.slice(0, 3));
      const none = zeros([0, 3]);
      const rotated = rotateTo(none, zeros([0, 3]));
      expect(rotated.shape).toEqual([0, 3]);
      // The caller disposes what it gets, which must not be what it gave.
      rotated.dispose();
      expect(none.isDisposed).toBe(false);
    });

    it('says what is wrong', () => {
      const x = ones([2, 3]);
      expect(() => rotateTo(x, ones([3, 2]))).toThrow(ShapeError);
      expect(() => rotateTo(x, ones([3, 2]))).toThrow(
        'rotateTo: x and q must have the same shape of rank >= 1, got [2,3] and [3,2]. Pass one code per token.',
      );
      expect(() => rotateTo(sum(x), sum(x))).toThrow(ShapeError);
      for (const maxScale of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(() => rotateTo(x, x, { maxScale })).toThrow(OptionError);
        expect(() => rotateTo(x, x, { maxScale })).toThrow(/^rotateTo: maxScale must be a finite number > 0, got/);
      }
      expect(() => rotateTo(x, x, { scale: 1 } as RotateToOptions)).toThrow("rotateTo: options must have no 'scale'");
    });

    it('leaks nothing', () => {
      const [x, q] = [tensor2d([[1, 2]]), tensor2d([[3, -1]])];
      const before = memory().numTensors;
      const { value, grads: found } = engine().gradients(() => sum(rotateTo(x, q)) as Scalar, [x]);
      value.dispose();
      for (const d of found) d.dispose();
      expect(memory().numTensors).toBe(before);
    });
  });
});
