import { add, concat, slice, type Tensor, type Tensor2D, tensor, type Variable, zeros } from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, expectIdentical, expectSame, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createVq, type Vq, type VqOptions } from '../src/index.ts';
import { emaStep64, nearestTo, rowsOf } from './float64.ts';
import { EMBED, expectCloseState, expectSameState, place, SIZES, SUMS, stateTensor } from './state.ts';
import { normal, TRAIN } from './tokens.ts';

eachEngine(() => {
  describe('the moving averages of VQ', () => {
    it('are those of the formulas, against float64, over some steps', async () => {
      const vq = createVq({ dim: 3, codebookSize: 7, decay: 0.7, eps: 1e-3 });
      place(vq, normal(7, 3, 1));
      let state = { sizes: [...(await stateTensor(vq, SIZES).data())], sums: await rowsOf(stateTensor(vq, SUMS)) };
      let codes = await rowsOf(stateTensor(vq, EMBED));
      for (let step = 0; step < 5; step++) {
        const x = normal(40, 3, 10 + step);
        const rows = await rowsOf(x);
        const indices = rows.map((row) => nearestTo(row, codes));
        const found = vq.quantize(x, TRAIN);
        await expectSame(found.indices, indices);
        const next = emaStep64({ ...state, codes }, rows, indices, { decay: 0.7, eps: 1e-3 });
        await expectClose(stateTensor(vq, SIZES), next.sizes, tolerances.float32);
        await expectClose(
          stateTensor(vq, SUMS),
          next.sums.flatMap((row) => [...row]),
          tolerances.float32,
        );
        await expectClose(
          stateTensor(vq, EMBED),
          next.codes.flatMap((row) => [...row]),
          tolerances.float32,
        );
        // From what float32 holds, so that no difference builds up.
        state = { sizes: [...(await stateTensor(vq, SIZES).data())], sums: await rowsOf(stateTensor(vq, SUMS)) };
        codes = await rowsOf(stateTensor(vq, EMBED));
      }
      vq.dispose();
    });

    it('go on from where a gradient has moved the codes', async () => {
      const moved = (useCosineSim: boolean, from: number[], to: number[], tokens: number[]): Vq => {
        const vq = createVq({ dim: 2, codebookSize: 2, decay: 0.5, orthogonalRegWeight: 1, useCosineSim });
        place(vq, tensor(from, [2, 2]));
        (vq.variables()[EMBED] as Variable).assign(tensor(to, [1, 2, 2]));
        vq.quantize(tensor(tokens, [2, 2]), TRAIN);
        return vq;
      };
      // n = (1 + 2)/2 and m = ((0, 20) + (0, 20) + (0, 22))/2 of the second code.
      const distances = moved(false, [1, 0, 0, 10], [2, 0, 0, 20], [0, 20, 0, 22]);
      await expectClose(stateTensor(distances, SUMS), [1, 0, 0, 31], tolerances.float32);
      await expectClose(stateTensor(distances, EMBED), [2, 0, 0, 62 / 3], tolerances.float32);
      // m = ((0, 1) + 2 (0.6, 0.8))/2, at length 1: the code has turned by a right angle, and an optimizer left it longer.
      const cosines = moved(true, [0, -1, 1, 0], [0, -1, 0, 2], [0.6, 0.8, 3, 4]);
      const length = Math.hypot(0.6, 1.3);
      await expectClose(stateTensor(cosines, SUMS), [0, -0.5, 0.6, 1.3], tolerances.float32);
      await expectClose(stateTensor(cosines, EMBED), [0, -1, 0.6 / length, 1.3 / length], tolerances.float32);
      for (const each of [distances, cosines]) each.dispose();
    });

    it('move in a training call only, and not where the codes are frozen', async () => {
      for (const options of [{}, { useCosineSim: true, heads: 2, separateCodebookPerHead: true, codebookDim: 2 }]) {
        const make = (extra: Partial<VqOptions> = {}): Vq =>
          createVq({ dim: 4, codebookSize: 6, ...options, ...extra });
        const [vq, untouched] = [make(), make()];
        const x = normal(30, 4, 2);
        vq.decode(vq.quantize(x).indices);
        vq.encode(x);
        vq.quantize(x, { ...TRAIN, freezeCodebook: true });
        await expectSameState(vq, untouched);
        const frozen = make({ freezeCodebook: true, kmeansInit: true, thresholdEmaDeadCode: 2 });
        frozen.quantize(x, TRAIN);
        await expectSame(stateTensor(frozen, EMBED), stateTensor(untouched, EMBED));
        frozen.quantize(x, { ...TRAIN, freezeCodebook: false });
        expect(await stateTensor(frozen, EMBED).data()).not.toEqual(await stateTensor(untouched, EMBED).data());
        for (const each of [vq, untouched, frozen]) each.dispose();
      }
    });

    for (const [name, options] of Object.entries({
      EMA: {},
      'EMA with revival, cosine': { thresholdEmaDeadCode: 1, useCosineSim: true },
      'EMA with a shared codebook for heads': { codebookDim: 3, heads: 2 },
      'EMA behind projections': { codebookDim: 3, heads: 2, separateCodebookPerHead: true, dim: 4 },
      'k-means': { kmeansInit: true, kmeansIters: 3, thresholdEmaDeadCode: 2 },
    } as Record<string, Partial<VqOptions>>)) {
      it(`do not see masked tokens, as if they were not there: ${name}`, async () => {
        const make = (): Vq => createVq({ dim: 6, codebookSize: 5, ...options });
        const [masked, alone] = [make(), make()];
        for (let step = 0; step < 3; step++) {
          const x = normal(20, masked.dim, 20 + step);
          const padding = tensor(new Float32Array(10 * masked.dim).fill(Number.NaN), [10, masked.dim]) as Tensor2D;
          const mask = tensor(
            Array.from({ length: 30 }, (_, i) => i < 8 || i >= 18),
            [30],
            'bool',
          );
          const z = concat([slice(x, 0, 8), padding, slice(x, 8)], 0);
          masked.quantize(z, { ...TRAIN, mask });
          alone.quantize(x, TRAIN);
          await expectCloseState(masked, alone);
        }
        masked.dispose();
        alone.dispose();
      });
    }

    it('stay as they are, bit for bit, when every token is masked or unusable', async () => {
      const make = (): Vq => createVq({ dim: 3, codebookSize: 4, kmeansInit: true, thresholdEmaDeadCode: 2 });
      const [vq, untouched] = [make(), make()];
      vq.quantize(normal(5, 3, 3), { ...TRAIN, mask: zeros([5], 'bool') });
      await expectSameState(vq, untouched);
      vq.quantize(zeros([0, 3]), TRAIN);
      await expectSameState(vq, untouched);
      const ema = createVq({ dim: 3, codebookSize: 4 });
      const before = ema.stateDict();
      ema.quantize(tensor([Number.NaN, 0, 0, Number.POSITIVE_INFINITY, 1, 1], [2, 3]), TRAIN);
      for (const [name, value] of Object.entries(ema.stateDict())) await expectIdentical(value, before[name] as Tensor);
      for (const each of [vq, untouched, ema]) each.dispose();
    });

    it('leave out a token with a NaN or an infinity, which gets index 0', async () => {
      const [vq, clean] = [createVq({ dim: 2, codebookSize: 4 }), createVq({ dim: 2, codebookSize: 4 })];
      const x = normal(10, 2, 4);
      const odd = tensor([Number.NaN, 1, Number.NEGATIVE_INFINITY, 0, 2 ** 56, 0], [3, 2]) as Tensor2D;
      const { indices } = vq.quantize(concat([x, odd], 0), TRAIN);
      await expectSame(slice(indices, 10), [0, 0, 0]);
      clean.quantize(x, TRAIN);
      await expectCloseState(vq, clean);
      vq.dispose();
      clean.dispose();
    });
  });

  describe('a dead code of VQ', () => {
    /** Three codes at the tokens, one far off that no token chooses. */
    function withDeadCode(threshold: number): { vq: Vq; x: Tensor2D } {
      const vq = createVq({ dim: 2, codebookSize: 4, thresholdEmaDeadCode: threshold, decay: 0.5 });
      place(vq, tensor([0, 0, 5, 0, 0, 5, 1000, 1000], [4, 2]) as Tensor2D);
      const near = concat(
        [0, 1, 2].map((i) => add(normal(20, 2, 60 + i, 0.1), tensor([i === 1 ? 5 : 0, i === 2 ? 5 : 0]))),
        0,
      ) as Tensor2D;
      return { vq, x: near };
    }

    it('is left alone without a threshold', async () => {
      const { vq, x } = withDeadCode(0);
      vq.quantize(x, TRAIN);
      const [, , , dead] = await rowsOf(stateTensor(vq, EMBED));
      expect(dead?.[0]).toBeGreaterThan(900);
      vq.dispose();
    });

    it('becomes a token of the batch, with cluster size and average of its own', async () => {
      const { vq, x } = withDeadCode(2);
      vq.quantize(x, TRAIN);
      const [codes, sums, tokens] = [
        await rowsOf(stateTensor(vq, EMBED)),
        await rowsOf(stateTensor(vq, SUMS)),
        await rowsOf(x),
      ];
      expect(tokens.map(String)).toContain(String(codes[3]));
      expect((await stateTensor(vq, SIZES).data())[3]).toBe(2);
      expect(sums[3]).toEqual(codes[3]?.map((value) => 2 * value));
      vq.dispose();
    });

    it('stays revived: the next steps do not compute it from the averages of the dead one', async () => {
      const { vq, x } = withDeadCode(0.9);
      const from = (threshold: number): Vq => {
        const next = createVq({ dim: 2, codebookSize: 4, thresholdEmaDeadCode: threshold, decay: 0.5 });
        next.loadStateDict(vq.stateDict());
        return next;
      };
      vq.quantize(x, TRAIN);
      // A token chose nothing else: without revival from here on, averages alone decide where the code goes.
      const later = from(0);
      const [, , , revived] = await rowsOf(stateTensor(later, EMBED));
      for (let step = 0; step < 3; step++) later.quantize(x, TRAIN);
      const [, , , after] = await rowsOf(stateTensor(later, EMBED));
      expect(Math.hypot(...(revived ?? []))).toBeLessThan(7);
      expect(Math.hypot(...(after ?? []))).toBeLessThan(7);
      later.dispose();
      vq.dispose();
    });

    it('is replaced by real tokens only, different ones where there are enough', async () => {
      const vq = createVq({ dim: 2, codebookSize: 12, thresholdEmaDeadCode: 1000 });
      const x = normal(24, 2, 70);
      const mask = tensor(
        Array.from({ length: 24 }, (_, i) => i % 2),
        [24],
        'int32',
      );
      const real = (await rowsOf(x)).filter((_, i) => i % 2 === 1).map(String);
      for (let step = 0; step < 5; step++) {
        vq.quantize(x, { ...TRAIN, mask });
        const codes = (await rowsOf(stateTensor(vq, EMBED))).map(String);
        expect([...codes].sort()).toEqual([...real].sort());
      }
      vq.dispose();
    });

    it('is revived in a learnable codebook too, whose other codes only a gradient moves', async () => {
      const vq = createVq({ dim: 2, codebookSize: 3, learnableCodebook: true, thresholdEmaDeadCode: 1, decay: 0.5 });
      place(vq, tensor([0, 0, 5, 0, 1000, 0], [3, 2]) as Tensor2D);
      const x = tensor([0, 1, 5, 1, 0, -1, 5, -1], [4, 2]);
      vq.quantize(x, TRAIN);
      const codes = await rowsOf(stateTensor(vq, EMBED));
      expect(codes.slice(0, 2).map((code) => [...code])).toEqual([
        [0, 0],
        [5, 0],
      ]);
      expect((await rowsOf(x)).map(String)).toContain(String(codes[2]));
      vq.dispose();
    });

    it('starts with resetClusterSize', async () => {
      const vq = createVq({ dim: 1, codebookSize: 2, thresholdEmaDeadCode: 1, resetClusterSize: 7, decay: 0 });
      place(vq, tensor([0, 50], [2, 1]) as Tensor2D);
      vq.quantize(tensor([0.5, 1], [2, 1]), TRAIN);
      await expectClose(stateTensor(vq, SIZES), [2, 7], tolerances.float32);
      vq.dispose();
    });
  });
});
