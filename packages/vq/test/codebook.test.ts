import { add, concat, memory, mul, reshape, slice, type Tensor2D, tensor, tidy, zeros } from '@tensorflow/tfjs-core';
import { DisposedError, unitLength } from '@vqkit/core-tensor';
import { eachEngine, expectClose, expectIdentical, expectSame, tolerances } from '@vqkit/testing';
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

    it('starts anew on all tokens so far until it has had enough of them', async () => {
      const gathers = { ...options, kmeansTokensPerCode: 9 };
      const parts = [20, 20, 20, 20].map((n, i) => normal(n, 3, 90 + i));
      const [vq, all] = [createVq(gathers), createVq(options)];
      for (const [step, part] of parts.slice(0, 2).entries()) {
        vq.quantize(part, TRAIN);
        await expectSame(stateTensor(vq, INITTED), [0]);
        // Lloyd's iterations have settled, from whatever seeds: each code is the mean of its tokens of all steps so far.
        const rows = await rowsOf(concat(parts.slice(0, step + 1), 0));
        const codes = await rowsOf(stateTensor(vq, EMBED));
        const indices = rows.map((row) => nearestTo(row, codes));
        codes.forEach((code, k) => {
          const mine = rows.filter((_, n) => indices[n] === k);
          expect(mine.length).toBeGreaterThan(0);
          code.forEach((value, i) => {
            expect(value).toBeCloseTo(mine.reduce((total, row) => total + (row[i] as number), 0) / mine.length, 5);
          });
        });
      }
      const placed = async (): Promise<void> => {
        await expectSame(stateTensor(vq, INITTED), [1]);
        await expectClose(stateTensor(vq, EMBED), stateTensor(all, EMBED), tolerances.float32);
      };
      vq.quantize(parts[2] as Tensor2D, TRAIN);
      all.quantize(concat(parts.slice(0, 3), 0), TRAIN);
      await placed();
      // 54 tokens were needed: not again.
      vq.quantize(parts[3] as Tensor2D, TRAIN);
      await placed();
      vq.dispose();
      all.dispose();
    });

    it('has had enough tokens when there are as many as codes, padding not counted', async () => {
      const vq = createVq(options);
      const mask = tensor([1, 0, 1, 0, 1, 0, 1, 0], [8], 'int32');
      const parts = [normal(8, 3, 95), normal(8, 3, 96)];
      vq.quantize(parts[0] as Tensor2D, { ...TRAIN, mask });
      await expectSame(stateTensor(vq, INITTED), [0]);
      vq.quantize(parts[1] as Tensor2D, { ...TRAIN, mask });
      await expectSame(stateTensor(vq, INITTED), [1]);
      const other = createVq(options);
      const real = parts.flatMap((part) => [0, 2, 4, 6].map((row) => slice(part, [row, 0], [1, 3])));
      other.quantize(concat(real, 0) as Tensor2D, TRAIN);
      await expectClose(stateTensor(vq, EMBED), stateTensor(other, EMBED), tolerances.float32);
      vq.dispose();
      other.dispose();
    });

    it('gathers anew after a state was loaded in between, and frees what it has gathered', async () => {
      const gathers = { ...options, kmeansTokensPerCode: 5 };
      const [vq, resumed] = [createVq(gathers), createVq({ ...gathers, seed: 4 })];
      vq.quantize(normal(20, 3, 97), TRAIN);
      resumed.quantize(normal(20, 3, 50), TRAIN);
      resumed.loadStateDict(vq.stateDict());
      await expectSame(stateTensor(resumed, INITTED), [0]);
      resumed.quantize(normal(20, 3, 98), TRAIN);
      await expectSame(stateTensor(resumed, INITTED), [0]);
      vq.quantize(normal(20, 3, 98), TRAIN);
      await expectSame(stateTensor(vq, INITTED), [1]);
      resumed.quantize(normal(10, 3, 99), TRAIN);
      await expectSame(stateTensor(resumed, INITTED), [1]);
      vq.dispose();
      resumed.dispose();

      const x = normal(20, 3, 97);
      const tensors = memory().numTensors;
      const short = createVq(gathers);
      tidy(() => void short.quantize(x, TRAIN));
      short.dispose();
      expect(memory().numTensors).toBe(tensors);
      const long = createVq(gathers);
      tidy(() => void long.quantize(x, TRAIN));
      const gathering = memory().numTensors;
      tidy(() => void long.quantize(x, TRAIN));
      expect(memory().numTensors).toBe(gathering - 2);
      long.dispose();
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

  describe('the nearest code of VQ', () => {
    for (const [name, extra] of Object.entries({ plain: {}, cosine: { useCosineSim: true } }) as [
      string,
      Partial<VqOptions>,
    ][]) {
      it(`is that of float64 for every token with exact: true, between two codes too: ${name}`, async () => {
        const vq = createVq({ dim: 8, codebookSize: 100, exact: true, ...extra });
        const all = stateTensor(vq, EMBED);
        const codes = await rowsOf(all);
        const flat: Tensor2D = reshape(all, [100, 8]);
        const between: Tensor2D = add(slice(flat, [0, 0], [50, -1]), slice(flat, [50, 0], [50, -1]));
        for (const tokens of [mul(between, 0.5), normal(100, 8, 3, 0.05)]) {
          const x = (vq.config.useCosineSim ? unitLength(tokens, 1) : tokens) as Tensor2D;
          const expected = (await rowsOf(x)).map((row) => nearestTo(row, codes));
          await expectSame(vq.encode(tokens), expected);
          await expectSame(vq.quantize(tokens).indices, expected);
        }
        vq.dispose();
      });
    }
  });

  describe('the codebook of VQ', () => {
    it('is what decode copies, and changes with the codes', async () => {
      for (const useCosineSim of [false, true]) {
        const vq = createVq({ dim: 4, codebookSize: 6, useCosineSim });
        const x = normal(30, 4, 5);
        for (let step = 0; step < 2; step++) {
          await expectIdentical(vq.codebook?.() as Tensor2D, vq.decode(tensor([0, 1, 2, 3, 4, 5], [6], 'int32')));
          vq.quantize(x, TRAIN);
        }
        vq.dispose();
        expect(() => vq.codebook?.()).toThrow(DisposedError);
      }
    });

    it('is there only where decode is a copy of one row', () => {
      for (const [options, has] of [
        [{}, true],
        [{ heads: 2, codebookDim: 2 }, false],
        [{ codebookDim: 3 }, false],
      ] as const) {
        const vq = createVq({ dim: 4, codebookSize: 6, ...options });
        expect(vq.codebook !== undefined).toBe(has);
        vq.dispose();
      }
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
