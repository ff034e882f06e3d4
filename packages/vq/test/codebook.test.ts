import { add, concat, type Tensor2D, tensor, zeros } from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, expectIdentical, expectSame } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createVq, type VqOptions } from '../src/index.ts';
import { nearestTo, rowsOf } from './float64.ts';
import { EMBED, expectCloseState, expectSameState, INITTED, SIZES, SUMS, stateTensor } from './state.ts';
import { normal, TRAIN } from './tokens.ts';

eachEngine(() => {
  describe('the k-means of VQ', () => {
    const options: VqOptions = { dim: 3, codebookSize: 6, kmeansInit: true, decay: 1 };

    it('places the codes at the means of the first training batch, and never again', async () => {
      const vq = createVq(options);
      const x = normal(60, 3, 80);
      vq.quantize(x);
      await expectSame(stateTensor(vq, INITTED), [0]);
      vq.quantize(x, TRAIN);
      await expectSame(stateTensor(vq, INITTED), [1]);
      const codes = await rowsOf(stateTensor(vq, EMBED));
      const rows = await rowsOf(x);
      const indices = rows.map((row) => nearestTo(row, codes));
      const sizes = await stateTensor(vq, SIZES).data();
      // Ten iterations settle 60 tokens: each code is the mean of its tokens.
      codes.forEach((code, k) => {
        const mine = rows.filter((_, n) => indices[n] === k);
        expect(sizes[k]).toBe(mine.length);
        code.forEach((value, i) => {
          expect(value).toBeCloseTo(mine.reduce((total, row) => total + (row[i] as number), 0) / mine.length, 5);
        });
      });
      // decay 1: nothing but another k-means could move the codes far.
      vq.quantize(add(x, 100), TRAIN);
      await expectClose(
        stateTensor(vq, EMBED),
        codes.flatMap((row) => [...row]),
        1e-4,
      );
      vq.dispose();
    });

    it('waits for a batch with real tokens, also when nothing is awaited in between', async () => {
      const [vq, other] = [createVq(options), createVq(options)];
      const x = normal(60, 3, 81);
      for (let step = 0; step < 3; step++) vq.quantize(x, { ...TRAIN, mask: zeros([60], 'bool') });
      vq.quantize(x, { ...TRAIN, mask: tensor(new Array(60).fill(1), [60], 'int32') });
      vq.quantize(add(x, 50), { ...TRAIN, mask: tensor(new Array(60).fill(1), [60], 'int32') });
      other.quantize(x, TRAIN);
      other.quantize(add(x, 50), TRAIN);
      await expectCloseState(vq, other);
      vq.dispose();
      other.dispose();
    });

    it('is not repeated on a loaded state that had it, and not left out on one that had not', async () => {
      const [source, target] = [createVq(options), createVq({ ...options, seed: 3 })];
      const x = normal(60, 3, 82);
      target.quantize(x, TRAIN);
      // Not initialised: the next batch places the codes, as it does in the source.
      target.loadStateDict(source.stateDict());
      target.rng.restore(source.rng.state());
      source.quantize(x, TRAIN);
      target.quantize(x, TRAIN);
      await expectSameState(target, source);
      // Initialised: at once, and after the flag has been read.
      const again = createVq(options);
      again.loadStateDict(source.stateDict());
      again.quantize(add(x, 100), TRAIN);
      source.quantize(add(x, 100), TRAIN);
      await expectCloseState(again, source);
      again.quantize(add(x, 100), TRAIN);
      source.quantize(add(x, 100), TRAIN);
      await expectCloseState(again, source);
      for (const each of [source, target, again]) each.dispose();
    });

    it('uses all codes where there are as many groups of tokens, which chance does not', async () => {
      const centres = normal(16, 3, 83, 10);
      const x = add(concat(new Array(20).fill(centres), 0), normal(320, 3, 84, 0.05)) as Tensor2D;
      const used = async (extra: Partial<VqOptions>): Promise<number> => {
        const vq = createVq({ dim: 3, codebookSize: 16, ...extra });
        for (let step = 0; step < 5; step++) vq.quantize(x, TRAIN);
        const ids = await vq.encode(x).data();
        vq.dispose();
        return new Set(ids).size;
      };
      expect(await used({ kmeansInit: true })).toBe(16);
      expect(await used({})).toBeLessThan(16);
    });
  });

  describe('the state of VQ', () => {
    for (const options of [
      { dim: 4, codebookSize: 8, kmeansInit: true, thresholdEmaDeadCode: 2 },
      { dim: 4, codebookSize: 8, codebookDim: 3, heads: 2, separateCodebookPerHead: true, useCosineSim: true },
      { dim: 4, codebookSize: 8, stochasticSampleCodes: true, thresholdEmaDeadCode: 1 },
    ] as VqOptions[]) {
      it(`goes on exactly from where it was saved: ${JSON.stringify(options)}`, async () => {
        const whole = createVq(options);
        for (let step = 0; step < 3; step++) whole.quantize(normal(30, 4, 90 + step), TRAIN);
        const resumed = createVq({ ...options, seed: 5 });
        resumed.loadStateDict(whole.stateDict());
        resumed.rng.restore(whole.rng.state());
        for (let step = 3; step < 6; step++) {
          const x = normal(30, 4, 90 + step);
          const [a, b] = [whole.quantize(x, TRAIN), resumed.quantize(x, TRAIN)];
          await expectIdentical(a.indices, b.indices);
          await expectIdentical(a.quantized, b.quantized);
          await expectIdentical(a.loss, b.loss);
        }
        await expectSameState(resumed, whole);
        whole.dispose();
        resumed.dispose();
      });
    }

    it('has the names and shapes of the reference library', () => {
      const shapes = (options: VqOptions): Record<string, number[]> => {
        const vq = createVq(options);
        const found = Object.fromEntries(Object.entries(vq.stateDict()).map(([name, { shape }]) => [name, shape]));
        vq.dispose();
        return found;
      };
      const book = (books: number, k: number, d: number): Record<string, number[]> => ({
        [INITTED]: [],
        [SIZES]: [books, k],
        [SUMS]: [books, k, d],
        [EMBED]: [books, k, d],
      });
      expect(shapes({ dim: 4, codebookSize: 8 })).toEqual(book(1, 8, 4));
      const heads = { dim: 5, codebookSize: 8, codebookDim: 3, heads: 2 };
      const projections = {
        'project_in.weight': [6, 5],
        'project_in.bias': [6],
        'project_out.weight': [5, 6],
        'project_out.bias': [5],
      };
      expect(shapes(heads)).toEqual({ ...book(1, 8, 3), ...projections });
      expect(shapes({ ...heads, separateCodebookPerHead: true })).toEqual({ ...book(2, 8, 3), ...projections });
    });

    it('trains codes where asked, projections always, and nothing else', () => {
      const names = (options: Partial<VqOptions>): string[] => {
        const vq = createVq({ dim: 4, codebookSize: 8, ...options });
        const found = Object.keys(vq.variables());
        vq.dispose();
        return found;
      };
      const projections = ['project_in.weight', 'project_in.bias', 'project_out.weight', 'project_out.bias'];
      expect(names({})).toEqual([]);
      expect(names({ codebookDim: 2 })).toEqual(projections);
      expect(names({ learnableCodebook: true, codebookDim: 2 })).toEqual([EMBED, ...projections]);
      expect(names({ orthogonalRegWeight: 1 })).toEqual([EMBED]);
      expect(names({ learnableCodebook: true, freezeCodebook: true })).toEqual([]);
    });
  });
});
