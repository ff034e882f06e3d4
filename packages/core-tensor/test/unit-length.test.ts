import { concat, grad, mul, ones, sum, type Tensor, tensor, transpose } from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, expectSame, gradientError, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createRng, unitLength } from '../src/index.ts';

const DIM = 5;
const rows = (n: number): number[][] => {
  const rng = createRng(3);
  return Array.from({ length: n }, () => Array.from({ length: DIM }, () => rng.normal()));
};
const unit64 = (row: number[]): number[] => row.map((value) => value / Math.hypot(...row));
/** (g - û ⟨û, g⟩) / |x| */
const gradient64 = (row: number[], g: number[]): number[] => {
  const u = unit64(row);
  const along = u.reduce((total, value, i) => total + value * (g[i] as number), 0);
  return g.map((value, i) => (value - (u[i] as number) * along) / Math.hypot(...row));
};

eachEngine(() => {
  describe('unitLength', () => {
    for (const scale of [1e-9, 1, 1e9, 1e15, 1e18, 1e19, 1e25, 1e30, 5e37]) {
      it(`has the values and the gradient of float64 at magnitude ${scale}`, async () => {
        const x64 = rows(20).map((row) => [...Float32Array.from(row, (value) => value * scale)]);
        const g64 = rows(40).slice(20);
        const [x, g] = [tensor(x64), tensor(g64)];
        await expectClose(unitLength(x, 1), x64.flatMap(unit64), tolerances.float32);
        await expectClose(transpose(unitLength(transpose(x), 0)), x64.flatMap(unit64), tolerances.float32);
        // In units of 1 / scale, because a gradient of 1e-38 is near the least number.
        const d = grad((z: Tensor) => sum(mul(unitLength(z, 1), mul(g, scale))))(x);
        const expected = x64.flatMap((row, n) =>
          gradient64(
            row,
            (g64[n] as number[]).map((value) => value * scale),
          ),
        );
        await expectClose(d, expected, tolerances.float32);
      });
    }

    it('has the gradient of finite differences', async () => {
      const weights = tensor(rows(6));
      const f = (z: Tensor): ReturnType<typeof sum> => sum(mul(unitLength(z, 1), weights));
      expect(await gradientError(f as never, tensor(rows(12).slice(6)))).toBeLessThan(tolerances.finiteDifference);
    });

    it('is 0 with no gradient where there is no direction, and NaN where there is no number', async () => {
      const silent = tensor([
        [0, 0],
        [1e-13, 0],
        [0, -1e-30],
      ]);
      await expectSame(unitLength(silent, 1), [0, 0, 0, 0, 0, 0]);
      await expectSame(grad((z: Tensor) => sum(unitLength(z, 1)))(silent), [0, 0, 0, 0, 0, 0]);
      const odd = tensor([
        [Number.NaN, 1],
        [Number.POSITIVE_INFINITY, 1],
        [3, 4],
      ]);
      const found = await unitLength(concat([odd, ones([1, 2])], 0), 1).data();
      expect(found[0]).toBeNaN();
      expect(found[2]).toBeNaN();
      await expectClose(found.slice(4, 6), [0.6, 0.8], tolerances.float32);
    });
  });
});
