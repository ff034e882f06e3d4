import { add, concat, mul, type Tensor, type Tensor2D, tensor, tidy, zeros } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { eachEngine, expectSame, fullRun, repetitions, titleIf } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createVqCodec } from '../src/codec.ts';
import { createVq, type Vq, type VqOptions } from '../src/index.ts';
import { rowsOf } from './float64.ts';
import { EMBED, place, plainState, SUMS, stateTensor } from './state.ts';
import { normal, TRAIN } from './tokens.ts';

const cosine = (extra: Partial<VqOptions> = {}): Vq =>
  createVq({ dim: 2, codebookSize: 3, useCosineSim: true, ...extra });

/** [n, 2], near (1, 0). */
function nearEast(n: number, seed: number): Tensor2D {
  const rng = createRng(seed);
  return tensor(
    Array.from({ length: n }, () => [1, 0.1 * rng.normal()]),
    [n, 2],
  );
}

async function expectUnit(vq: Vq): Promise<void> {
  for (const code of await rowsOf(stateTensor(vq, EMBED))) expect(Math.hypot(...code)).toBeCloseTo(1, 5);
}

eachEngine((engine) => {
  describe('the codes of cosine similarity', () => {
    it('stay where they are when no token chooses them, for however many steps', async () => {
      const vq = cosine();
      place(vq, tensor([1, 0, 0, 1, 0, -1], [3, 2]));
      for (let step = 0; step < 200; step++) tidy(() => void vq.quantize(nearEast(20, step), TRAIN));
      await expectUnit(vq);
      const probes = tensor([-1, 0, 0, 1, 0, -1, 0.1, 4.9], [4, 2]);
      const ids = await vq.encode(probes).data();
      expect([...ids].slice(1)).toEqual([1, 2, 1]);
      // (-1, 0) is nearest to (0, 1) or (0, -1): the code at (1, 0) has moved by rounding only in y.
      expect([1, 2]).toContain(ids[0]);
      vq.dispose();
    });

    // Plain JavaScript takes six seconds for it.
    const long = fullRun || engine !== 'cpu';
    it.skipIf(!long)(titleIf(long, 'have length 1 for every token after 250 steps of 256 codes'), async () => {
      const vq = createVq({ dim: 8, codebookSize: 256, useCosineSim: true });
      const centre = normal(1, 8, 5, 3);
      const steps = repetitions(engine, 250);
      for (let step = 0; step < steps; step++)
        tidy(() => void vq.quantize(add(normal(64, 8, step, 0.2), centre), TRAIN));
      const codes = await rowsOf(vq.decode(vq.encode(normal(1000, 8, 1))));
      expect(codes.filter((code) => Math.hypot(...code) < 0.5).length).toBe(0);
      await expectUnit(vq);
      vq.dispose();
    });

    it('stay with decay 0, and where the tokens of a code cancel out', async () => {
      const vq = cosine({ decay: 0 });
      place(vq, tensor([1, 0, 0, 1, 0, -1], [3, 2]));
      vq.quantize(tensor([1, 0, 1, 0], [2, 2]), TRAIN);
      await expectSame(stateTensor(vq, EMBED), [1, 0, 0, 1, 0, -1]);
      await expectSame(stateTensor(vq, SUMS), [2, 0, 0, 0, 0, 0]);
      const one = cosine({ codebookSize: 1, decay: 0 });
      place(one, tensor([1, 0], [1, 2]));
      one.quantize(tensor([0, 1, 0, -1], [2, 2]), TRAIN);
      await expectSame(stateTensor(one, EMBED), [1, 0]);
      vq.dispose();
      one.dispose();
    });

    it('are not revived as silent tokens, nor placed by k-means on them', async () => {
      const silent = zeros([30, 2]) as Tensor2D;
      const vq = cosine({ thresholdEmaDeadCode: 2 });
      const before = await stateTensor(vq, EMBED).data();
      vq.quantize(silent, TRAIN);
      await expectSame(stateTensor(vq, EMBED), before);
      vq.quantize(concat([silent, nearEast(2, 1), silent], 0), TRAIN);
      await expectUnit(vq);
      const placed = cosine({ kmeansInit: true });
      placed.quantize(silent, TRAIN);
      await expectSame(stateTensor(placed, '_codebook.initted'), [0]);
      await expectUnit(placed);
      placed.quantize(concat([silent, normal(8, 2, 3)], 0), TRAIN);
      await expectSame(stateTensor(placed, '_codebook.initted'), [1]);
      await expectUnit(placed);
      vq.dispose();
      placed.dispose();
    });

    it('are put at length 1 when they are loaded, and one without a direction is never chosen', async () => {
      const codes = (...rows: number[]): Record<string, Tensor> => {
        const all = tensor(rows, [1, 3, 2]);
        return { [EMBED]: all, [SUMS]: all };
      };
      const vq = cosine();
      vq.loadStateDict({ ...vq.stateDict(), ...codes(10, 0, 0, 1, -3e38, 3e38) });
      const x = tensor([0.8, 0.6, 0, 2, -1, 1, -1e30, 0], [4, 2]);
      await expectSame(vq.encode(x), [0, 1, 2, 2]);
      await expectUnit(vq);
      const codec = createVqCodec(vq.config, await plainState(vq));
      expect([...codec.encode((await x.data()) as Float32Array)]).toEqual([0, 1, 2, 2]);

      for (const bad of [0, Number.NaN, Number.POSITIVE_INFINITY]) {
        vq.loadStateDict({ ...vq.stateDict(), ...codes(bad, 0, 0, 1, 1, 0) });
        await expectSame(vq.encode(tensor([0, -1, 0, 1, -1, -0.1], [3, 2])), [2, 1, 1]);
        const plain = createVqCodec(vq.config, await plainState(vq));
        expect([...plain.encode(Float32Array.of(0, -1, 0, 1, -1, -0.1))]).toEqual([2, 1, 1]);
      }
      vq.dispose();
    });

    it('stay as they are when they are loaded a rounding away from length 1, in the codec too', async () => {
      // Training lets a sum stay whose squared length is within 1e-6 of 1, as the engine adds it up.
      const length = Math.sqrt(1 + 1.2e-6);
      const codes = Float32Array.of(length, 0, 0, -length, 0.6 * length, 0.8 * length);
      const vq = cosine();
      place(vq, tensor(codes, [3, 2]));
      await expectSame(stateTensor(vq, EMBED), codes);
      await expectSame(vq.decode(tensor([0, 1, 2], [3], 'int32')), codes);
      const codec = createVqCodec(vq.config, await plainState(vq));
      expect(codec.decode(Int32Array.of(0, 1, 2))).toEqual(codes);
      vq.dispose();
    });

    it('have the lowest index for a token without a direction, in the codec too', async () => {
      const vq = createVq({ dim: 16, codebookSize: 64, useCosineSim: true });
      const silent = [0, 0, 0, 1e-20].flatMap((value) => new Array<number>(16).fill(value));
      await expectSame(vq.encode(tensor(silent, [4, 16])), [0, 0, 0, 0]);
      await expectSame(vq.quantize(tensor(silent, [4, 16])).indices, [0, 0, 0, 0]);
      const codec = createVqCodec(vq.config, await plainState(vq));
      expect([...codec.encode(Float32Array.from(silent))]).toEqual([0, 0, 0, 0]);
      vq.dispose();
    });

    it('are those of the direction of a token, however long it is', async () => {
      const vq = createVq({ dim: 8, codebookSize: 32, useCosineSim: true });
      const x = normal(50, 8, 4);
      const ids = await vq.encode(x).data();
      for (const scale of [1e-9, 1e16, 1e19, 1e30, 5e37]) {
        const scaled = mul(x, scale);
        await expectSame(vq.encode(scaled), ids);
        const codec = createVqCodec(vq.config, await plainState(vq));
        await expectSame(codec.encode((await scaled.data()) as Float32Array), ids);
      }
      vq.dispose();
    });
  });
});
