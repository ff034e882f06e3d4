import { engine, type Scalar, sub, type Tensor, tensor, train, zeros } from '@tensorflow/tfjs-core';
import { orthogonalityLoss } from '@vqkit/losses';
import { eachEngine, expectClose, expectSame, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createVq, type Vq, type VqOptions } from '../src/index.ts';
import { rowsOf } from './float64.ts';
import { normal, TRAIN } from './tokens.ts';

const EMBED = '_codebook.embed';

const codesOf = (vq: Vq): Tensor => vq.stateDict()[EMBED] as Tensor;

eachEngine(() => {
  describe('the orthogonality of VQ', () => {
    const learnable: VqOptions = { dim: 3, codebookSize: 10, learnableCodebook: true, orthogonalRegWeight: 2 };

    it('is that of the whole codebook, of the codes in use, or of some of them', async () => {
      const x = normal(4, 3, 1);
      const of = async (extra: Partial<VqOptions>): Promise<[number, number[][]]> => {
        const vq = createVq({ ...learnable, ...extra });
        const { indices, losses } = vq.quantize(x, TRAIN);
        const rows = await rowsOf(codesOf(vq));
        const used = [...new Set(await indices.data())].map((index) => [...(rows[index] as Float64Array)]);
        const [value] = await losses.orthogonality.data();
        vq.dispose();
        return [value as number, extra.orthogonalRegActiveCodesOnly ? used : rows.map((row) => [...row])];
      };
      for (const extra of [{}, { orthogonalRegActiveCodesOnly: true }, { orthogonalRegMaxCodes: 10 }]) {
        const [value, rows] = await of(extra);
        await expectClose([value], orthogonalityLoss(tensor(rows)), tolerances.float32);
      }
      // Of two codes: cos² twice, over 2². With all pairs drawn, every value must be one of theirs.
      const [, rows] = await of({});
      const pairs = rows.flatMap((a, i) =>
        rows.slice(i + 1).map((b) => {
          const dot = a.reduce((sum, value, j) => sum + value * (b[j] as number), 0);
          return dot ** 2 / (Math.hypot(...a) * Math.hypot(...b)) ** 2 / 2;
        }),
      );
      const vq = createVq({ ...learnable, orthogonalRegMaxCodes: 2 });
      const values = new Set<number>();
      for (let draw = 0; draw < 8; draw++) {
        const [value] = await vq.quantize(x, TRAIN).losses.orthogonality.data();
        values.add(value as number);
        expect(Math.min(...pairs.map((pair) => Math.abs(pair - (value as number))))).toBeLessThan(1e-6);
      }
      expect(values.size).toBeGreaterThan(1);
      vq.dispose();
    });

    it('takes no more codes than are in use', async () => {
      const vq = createVq({ ...learnable, orthogonalRegActiveCodesOnly: true, orthogonalRegMaxCodes: 5 });
      // One token: one code, no pair.
      await expectClose(vq.quantize(normal(1, 3, 2), TRAIN).losses.orthogonality, [0], 0, tolerances.rounding);
      vq.dispose();
    });

    it('spreads the codes of a moving-average codebook: the averages do not take the gradient’s moves back', async () => {
      for (const useCosineSim of [false, true]) {
        const after = async (orthogonalRegWeight: number): Promise<number> => {
          const vq = createVq({ dim: 4, codebookSize: 4, orthogonalRegWeight, useCosineSim, decay: 0.99, seed: 3 });
          // Codes that point nearly the same way, and no token that would pull one aside.
          const start = tensor([1, 0.1, 0, 0, 1, 0, 0.1, 0, 1, 0, 0, 0.1, 1, 0.1, 0.1, 0], [1, 4, 4]);
          vq.loadStateDict({ ...vq.stateDict(), [EMBED]: start, '_codebook.embed_avg': start });
          const optimizer = train.sgd(0.2);
          const variables = Object.values(vq.variables());
          const x = tensor([1, 0.1, 0.1, 0.1], [1, 4]);
          for (let step = 0; step < 40; step++) {
            if (variables.length > 0) optimizer.minimize(() => vq.quantize(x, TRAIN).loss, false, variables);
            else vq.quantize(x, TRAIN);
          }
          const [value] = await orthogonalityLoss(codesOf(vq)).data();
          vq.dispose();
          optimizer.dispose();
          return value as number;
        };
        expect(await after(0)).toBeGreaterThan(0.7);
        expect(await after(5)).toBeLessThan(0.3);
      }
    });
  });

  describe('the losses of VQ', () => {
    it('are weighted into one, and 0 for what the quantizer has no use for', async () => {
      const x = normal(30, 4, 4);
      const vq = createVq({ dim: 4, codebookSize: 8, commitmentWeight: 0.25 });
      const { loss, losses, quantized } = vq.quantize(x, TRAIN);
      const squares = [...(await sub(x, quantized).data())].map((value) => value ** 2);
      const mse = squares.reduce((a, b) => a + b, 0) / 120;
      await expectClose(losses.commitment, [mse], tolerances.float32);
      await expectClose(loss, [0.25 * mse], tolerances.float32);
      await expectSame(losses.codebook, [0]);
      await expectSame(losses.orthogonality, [0]);
      vq.dispose();
      const both = createVq({
        dim: 4,
        codebookSize: 8,
        learnableCodebook: true,
        commitmentWeight: 0.25,
        codebookWeight: 2,
        orthogonalRegWeight: 3,
      });
      const all = both.quantize(x, TRAIN);
      const [commitment, codebook, orthogonality] = await Promise.all(
        [all.losses.commitment, all.losses.codebook, all.losses.orthogonality].map(
          async (part) => (await part.data())[0],
        ),
      );
      expect(codebook).toBe(commitment);
      const expected = 0.25 * (commitment as number) + 2 * (codebook as number) + 3 * (orthogonality as number);
      await expectClose(all.loss, [expected], tolerances.float32);
      both.dispose();
    });

    it('leave frozen codes without a gradient, for one call or for all', async () => {
      const x = normal(20, 4, 5);
      const vq = createVq({ dim: 4, codebookSize: 8, learnableCodebook: true, orthogonalRegWeight: 1 });
      const [embed] = Object.values(vq.variables());
      const frozen = (): Scalar => vq.quantize(x, { ...TRAIN, freezeCodebook: true }).loss;
      const { value, grads } = engine().gradients(() => frozen(), [x]);
      expect((await (grads[0] as Tensor).data()).some((d) => d !== 0)).toBe(true);
      expect((await value.data())[0]).toBeGreaterThan(0);
      expect(() => engine().gradients(frozen, [embed as Tensor])).toThrow();
      vq.dispose();
      const always = createVq({ dim: 4, codebookSize: 8, learnableCodebook: true, freezeCodebook: true });
      expect(always.variables()).toEqual({});
      await expectSame(always.quantize(x, TRAIN).losses.codebook, [0]);
      always.dispose();
    });

    it('are 0 when no token counts', async () => {
      const vq = createVq({ dim: 4, codebookSize: 8, orthogonalRegWeight: 1, commitmentUseCrossEntropyLoss: true });
      const { loss, losses } = vq.quantize(normal(5, 4, 6), { ...TRAIN, mask: zeros([5], 'int32') });
      for (const part of [loss, ...Object.values(losses)]) await expectSame(part, [0]);
      vq.dispose();
    });
  });
});
