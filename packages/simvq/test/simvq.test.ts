import { add, grads, memory, mul, slice, sum, type Tensor, tensor, train } from '@tensorflow/tfjs-core';
import { rotateTo } from '@vqkit/losses';
import { eachEngine, expectClose, expectIdentical, expectSame, spreadIt, tolerances } from '@vqkit/testing';
import { describe, expect } from 'vitest';
import { createSimVq, type SimVq, type SimVqOptions } from '../src/index.ts';
import { codebook64, nearest64 } from './float64.ts';
import { differences, normal, parameterGradients, TRAIN } from './tokens.ts';

/** The transforms and widths that go different ways through the code. */
const KINDS: Record<string, SimVqOptions> = {
  linear: { dim: 6, codebookSize: 40 },
  'linear with bias in a narrow space': { dim: 6, codebookSize: 40, frozenCodebookDim: 3, transformBias: true },
  'linear from a wide space': { dim: 6, codebookSize: 40, frozenCodebookDim: 11 },
  MLP: { dim: 6, codebookSize: 40, codebookTransform: { hidden: [9] } },
};

eachEngine((engineName) => {
  const it = spreadIt(engineName);
  describe('the losses of SimVQ', () => {
    for (const [name, options] of Object.entries(KINDS)) {
      it(`are mean squared distances to the nearest code, ${name}`, async () => {
        const simvq = createSimVq({ ...options, commitmentWeight: 1000, inputToQuantizeCommitLossWeight: 0.5 });
        const x = normal(60, 6, 1);
        const mask = Float32Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? 0 : 1));
        const codes = await codebook64(simvq);
        const nearest = await nearest64(x, codes);
        const data = await x.data();
        for (const real of [undefined, mask]) {
          const { loss, losses } = simvq.quantize(x, real === undefined ? TRAIN : { ...TRAIN, mask: tensor(real) });
          let [total, count] = [0, 0];
          nearest.forEach((index, i) => {
            if (real?.[i] === 0) return;
            for (let j = 0; j < 6; j++) total += ((data[i * 6 + j] as number) - (codes[index]?.[j] as number)) ** 2;
            count += 6;
          });
          const mse = total / count;
          await expectClose(losses.commitment, [mse], tolerances.float32);
          await expectClose(losses.codebook, [mse], tolerances.float32);
          await expectClose(loss, [1000 * 1.5 * mse], tolerances.float32);
        }
        simvq.dispose();
      });
    }

    it('scale with their weights, up to 1,000 and down to 0', async () => {
      const x = normal(50, 6, 2);
      const of = (commitmentWeight: number): { simvq: SimVq; dx: Tensor; dw: Tensor } => {
        const simvq = createSimVq({ dim: 6, codebookSize: 16, commitmentWeight });
        const [dx] = grads((z: Tensor) => simvq.quantize(z, TRAIN).loss)([x]);
        const dw = parameterGradients(simvq, () => simvq.quantize(x, TRAIN).loss)['code_transform.weight'];
        return { simvq, dx: dx as Tensor, dw: dw as Tensor };
      };
      const [one, thousand, none] = [of(1), of(1000), of(0)];
      await expectClose(thousand.dx, mul(one.dx, 1000), tolerances.float32);
      await expectClose(thousand.dw, mul(one.dw, 1000), tolerances.float32);
      await expectSame(none.dx, new Float32Array(300));
      await expectSame(none.simvq.quantize(x, TRAIN).loss, [0]);
      for (const { simvq } of [one, thousand, none]) simvq.dispose();
    });

    it('send the commitment to the input only and the codebook loss to the codebook only', async () => {
      for (const rotationTrick of [true, false]) {
        const simvq = createSimVq({ dim: 3, codebookSize: 7, rotationTrick });
        const x = normal(20, 3, 3);
        const { quantized } = simvq.quantize(x);
        const [dCommitment] = grads((z: Tensor) => simvq.quantize(z, TRAIN).losses.commitment)([x]);
        await expectClose(dCommitment as Tensor, mul(add(x, mul(quantized, -1)), 2 / 60), tolerances.float32);
        const [dCodebook] = grads((z: Tensor) => simvq.quantize(z, TRAIN).losses.codebook)([x]);
        await expectSame(dCodebook as Tensor, new Float32Array(60));
        const pull = parameterGradients(simvq, () => add(sum(x), simvq.quantize(x, TRAIN).losses.codebook));
        expect((await pull['code_transform.weight']?.data())?.some((value) => value !== 0)).toBe(true);
        simvq.dispose();
      }
    });
  });

  describe('the gradients of SimVQ', () => {
    const smooth = { dim: 4, codebookSize: 5 };
    for (const [name, options] of Object.entries({
      linear: { ...smooth, transformBias: true },
      narrow: { ...smooth, frozenCodebookDim: 2, trainCodebook: true },
      'wide, without rotation': { ...smooth, frozenCodebookDim: 6, trainCodebook: true, rotationTrick: false },
      'MLP, rows in use': {
        ...smooth,
        codebookSize: 16,
        codebookTransform: { hidden: [5], activation: 'tanh' as const },
      },
      'MLP, all rows': {
        ...smooth,
        codebookTransform: { hidden: [5], activation: 'gelu' as const },
        trainCodebook: true,
      },
    })) {
      it(`to the codebook equal finite differences, ${name}`, async () => {
        const simvq = createSimVq({ ...options, seed: 5 });
        // Codes far apart and tokens around them, so that no index changes while a weight moves.
        const state = simvq.stateDict();
        simvq.loadStateDict({ ...state, frozen_codebook: mul(state.frozen_codebook as Tensor, 5) });
        const codes = simvq.decode(tensor(Int32Array.from({ length: 12 }, (_, i) => i % options.codebookSize)));
        const x = add(codes, normal(12, 4, 6, 0.05));
        const loss = (): Tensor => simvq.quantize(x, TRAIN).losses.codebook;
        const analytic = parameterGradients(simvq, loss);
        expect(Object.keys(analytic)).toEqual(Object.keys(simvq.variables()));
        for (const [key, variable] of Object.entries(simvq.variables()))
          await expectClose(
            analytic[key] as Tensor,
            // A smaller step than elsewhere: the activations curve.
            await differences(variable, loss, 3e-3),
            tolerances.finiteDifference,
          );
        simvq.dispose();
      });
    }

    it('to an MLP are the same through the rows in use as through the whole codebook', async () => {
      const simvq = createSimVq({ dim: 4, codebookSize: 10, codebookTransform: { hidden: [8] }, trainCodebook: true });
      const x = normal(40, 4, 7);
      const whole = parameterGradients(simvq, () => simvq.quantize(x, TRAIN).losses.codebook);
      const parts = [0, 10, 20, 30].map((start) =>
        parameterGradients(simvq, () => simvq.quantize(slice(x, [start, 0], [10, 4]), TRAIN).losses.codebook),
      );
      for (const [key, gradient] of Object.entries(whole)) {
        const mean = parts.map((part) => part[key] as Tensor).reduce((a, b) => add(a, b));
        await expectClose(gradient, mul(mean, 0.25), tolerances.float32);
      }
      simvq.dispose();
    });

    it('of `quantized` are those of the rotation, with its bound, or straight-through, and never reach the codebook', async () => {
      const x = normal(30, 6, 8);
      const dy = normal(30, 6, 9);
      const gradient = (f: (z: Tensor) => Tensor): Tensor => grads((z: Tensor) => sum(mul(f(z), dy)))([x])[0] as Tensor;
      for (const rotationMaxScale of [100, 0.3]) {
        const simvq = createSimVq({ dim: 6, codebookSize: 16, rotationMaxScale });
        const { quantized } = simvq.quantize(x);
        const expected = gradient((z) => rotateTo(z, quantized, { maxScale: rotationMaxScale }));
        await expectSame(
          gradient((z) => simvq.quantize(z, TRAIN).quantized),
          expected,
        );
        await expectSame(
          gradient((z) => simvq.quantize(z).quantized),
          expected,
        );
        simvq.dispose();
      }
      const straight = createSimVq({ dim: 6, codebookSize: 16, rotationTrick: false });
      await expectSame(
        gradient((z) => straight.quantize(z, TRAIN).quantized),
        dy,
      );
      const w = parameterGradients(straight, () =>
        add(sum(straight.quantize(x, TRAIN).quantized), straight.quantize(x, TRAIN).losses.codebook),
      );
      const alone = parameterGradients(straight, () => straight.quantize(x, TRAIN).losses.codebook);
      await expectSame(w['code_transform.weight'] as Tensor, alone['code_transform.weight'] as Tensor);
      straight.dispose();
    });
  });

  describe('the codes of SimVQ', () => {
    for (const [name, options] of Object.entries(KINDS)) {
      it(`have the same bits in every batch and on every path, ${name}`, async () => {
        const simvq = createSimVq({ ...options, seed: 11 });
        const x = normal(300, 6, 12);
        const { quantized, indices } = simvq.quantize(x, TRAIN);
        await expectIdentical(simvq.decode(indices), quantized);
        const ids = await indices.data();
        const values = await quantized.data();
        for (const count of [1, 2, 3, 5, 8, 64]) {
          const some = slice(x, [7, 0], [count, 6]);
          await expectSame(simvq.encode(some), ids.slice(7, 7 + count));
          await expectIdentical(simvq.quantize(some, TRAIN).quantized, values.slice(42, 42 + 6 * count));
          await expectIdentical(simvq.decode(tensor(ids.slice(7, 7 + count))), values.slice(42, 42 + 6 * count));
        }
        simvq.dispose();
      });

      it(`follow the weights at once, ${name}`, async () => {
        const simvq = createSimVq({ ...options, seed: 13, trainCodebook: true });
        const x = normal(50, 6, 14);
        const optimizer = train.adam(0.05);
        for (let step = 0; step < 3; step++) {
          // Fills every cache, then trains.
          simvq.decode(simvq.encode(x));
          optimizer.minimize(() => simvq.quantize(x, TRAIN).loss, false, Object.values(simvq.variables()));
          const fresh = createSimVq({ ...options, seed: 99, trainCodebook: true });
          fresh.loadStateDict(simvq.stateDict());
          await expectSame(simvq.encode(x), fresh.encode(x));
          await expectIdentical(simvq.quantize(x).quantized, fresh.quantize(x).quantized);
          await expectIdentical(simvq.decode(simvq.encode(x)), fresh.quantize(x).quantized);
          fresh.dispose();
        }
        simvq.dispose();
        optimizer.dispose();
      });
    }

    it('are index 0 for tokens that are not finite, as documented', async () => {
      const simvq = createSimVq({ dim: 2, codebookSize: 8 });
      const x = tensor([
        [0.1, Number.NaN],
        [Number.POSITIVE_INFINITY, 0],
        [0.2, 0.3],
        [2 ** 56, 0],
      ]);
      const { quantized, indices } = simvq.quantize(x);
      const [, , third] = await indices.data();
      await expectSame(indices, [0, 0, third as number, 0]);
      await expectIdentical(quantized, simvq.decode(indices));
      simvq.dispose();
    });

    it('have length 1 on average before the transform, for both kinds of initial codebook', async () => {
      for (const codebookInit of ['normal', 'uniform'] as const) {
        const simvq = createSimVq({ dim: 16, codebookSize: 2000, codebookInit });
        const values = (await simvq.stateDict().frozen_codebook?.data()) as Float32Array;
        const square = values.reduce((total, value) => total + value * value, 0) / 2000;
        expect(square).toBeGreaterThan(0.97);
        expect(square).toBeLessThan(1.03);
        if (codebookInit === 'uniform')
          expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(Math.sqrt(3 / 16));
        simvq.dispose();
      }
    });

    it('can be given: a codebook of one’s own through loadStateDict', async () => {
      const simvq = createSimVq({ dim: 2, codebookSize: 3 });
      const weight = tensor([
        [1, 0],
        [0, 1],
      ]);
      simvq.loadStateDict({
        frozen_codebook: tensor([
          [0, 0],
          [1, 1],
          [-1, 2],
        ]),
        'code_transform.weight': weight,
      });
      await expectSame(
        simvq.encode(
          tensor([
            [0.9, 0.8],
            [-3, 3],
            [0.1, -5],
          ]),
        ),
        [1, 2, 0],
      );
      simvq.dispose();
    });
  });

  describe('the memory of SimVQ', () => {
    for (const [name, options] of Object.entries(KINDS)) {
      it(`does not grow over 200 optimizer steps and encodes, ${name}`, () => {
        const simvq = createSimVq(options);
        const optimizer = train.adam(1e-3);
        const x = normal(60, 6, 17);
        const once = (): void => {
          optimizer.minimize(() => simvq.quantize(x, TRAIN).loss, false, Object.values(simvq.variables()));
          const ids = simvq.encode(x);
          simvq.decode(ids).dispose();
          ids.dispose();
        };
        once();
        once();
        const before = memory();
        for (let step = 0; step < 200; step++) once();
        expect(memory().numTensors).toBe(before.numTensors);
        expect(memory().numDataBuffers).toBe(before.numDataBuffers);
        expect(memory().numBytes).toBe(before.numBytes);
        simvq.dispose();
        optimizer.dispose();
      });
    }
  });
});
