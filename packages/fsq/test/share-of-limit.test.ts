import { type Tensor, tensor, transpose } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { eachEngine, expectClose, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createFsq } from '../src/index.ts';

function normal(shape: number[], stddev: number, seed: number): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return tensor(createRng(seed).normalArray(size, stddev), shape);
}

eachEngine(() => {
  describe('the share of the limit', () => {
    const latents = (): Tensor => normal([3, 4, 6], 1.5, 5);

    it('is the bounded feature, from which the levels follow', async () => {
      const levels = [5, 4, 3];
      const fsq = createFsq({ levels, numCodebooks: 2 });
      const z = latents();
      const shares = fsq.shareOfLimit?.(z);
      expect(shares?.shape).toEqual([24, 3]);
      const [values, ids] = [(await shares?.data()) ?? [], await fsq.encode(z).data()];
      let weight = 1;
      for (const [i, count] of levels.entries()) {
        const half = ((count - 1) * 1.001) / 2;
        const offset = count % 2 === 0 ? 0.5 : 0;
        for (let row = 0; row < 24; row++) {
          const share = values[3 * row + i] as number;
          expect(Math.abs(share)).toBeLessThanOrEqual(1);
          const bounded = share * half - offset;
          // Beside a border between two levels float32 decides.
          if (Math.abs(bounded - Math.floor(bounded) - 0.5) < 1e-4) continue;
          const level = Math.floor((ids[row] as number) / weight) % count;
          expect(Math.round(bounded) + Math.floor(count / 2)).toBe(level);
        }
        weight *= count;
      }
      fsq.dispose();
    });

    it('is a clamp where the bound is, after the projection and in either layout', async () => {
      const clamped = createFsq({ levels: [5, 5], dim: 6, bound: 'hardClamp' });
      const z = latents();
      const first = createFsq({ levels: [5, 5], dim: 6, bound: 'hardClamp', dataFormat: 'channelsFirst' });
      const shares = await clamped.shareOfLimit?.(z).data();
      await expectClose(first.shareOfLimit?.(transpose(z, [0, 2, 1])) as Tensor, shares ?? [], tolerances.float32);
      expect(shares?.some((share) => Math.abs(share) === 1)).toBe(true);
      expect(() => clamped.shareOfLimit?.(normal([2, 5], 1, 1))).toThrow(/createFsq\(\)\.shareOfLimit: z must/);
      for (const fsq of [clamped, first]) fsq.dispose();
      expect(() => clamped.shareOfLimit?.(z)).toThrow(/disposed/);
    });
  });
});
