import {
  grad,
  mean,
  mul,
  reshape,
  type Scalar,
  slice,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor,
  tensor1d,
} from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { eachEngine, expectClose, expectSame, gradientError, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';

import { createVq, type Vq, type VqOptions } from '../src/index.ts';
import { codeCrossEntropy, compared, sampleCodes, scoresOf } from '../src/scores.ts';
import { distance2, type Matrix, nearestTo, rowsOf, unit } from './float64.ts';
import { normal, TRAIN } from './tokens.ts';

const score64 = (x: Float64Array, c: Float64Array, cosine: boolean): number =>
  cosine ? x.reduce((total, value, i) => total + value * (c[i] as number), 0) : -Math.sqrt(distance2(x, c));

function probabilities64(x: Float64Array, codes: Matrix, cosine: boolean, temperature = 1): number[] {
  const weights = codes.map((code) => Math.exp(score64(x, code, cosine) / temperature));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

eachEngine((engine) => {
  describe('the scores of codes', () => {
    it('are negative distances, or dot products, against float64', async () => {
      const [x, codes] = [normal(20, 5, 1), normal(7, 5, 2)];
      const [rows, c] = [await rowsOf(x), await rowsOf(codes)];
      for (const cosine of [false, true]) {
        const expected = rows.flatMap((row) => c.map((code) => score64(row, code, cosine)));
        await expectClose(scoresOf(compared(x, codes, cosine), cosine), expected, tolerances.float32);
      }
    });
  });

  describe('what tokens and codes have in common', () => {
    // Multiples of 2^-10, which float32 keeps at an offset of 1,000.
    const near = async (n: number, seed: number): Promise<number[][]> =>
      (await rowsOf(normal(n, 3, seed, 0.2))).map((row) => [...row].map((value) => Math.round(value * 1024) / 1024));
    const at = (rows: number[][], offset: number): Tensor2D =>
      tensor(
        rows.flat().map((value) => value + offset),
        [rows.length, 3],
      ) as Tensor2D;

    it('costs drawn codes and the cross-entropy no digits', async () => {
      const [rows, keys] = [await near(200, 1), await near(8, 2)];
      const vq = (offset: number, extra: Partial<VqOptions>): Vq => {
        const made = createVq({ dim: 3, codebookSize: 8, freezeCodebook: true, ...extra });
        made.loadStateDict({ ...made.stateDict(), '_codebook.embed': reshape(at(keys, offset), [1, 8, 3]) });
        return made;
      };
      const drawn = { stochasticSampleCodes: true, sampleCodebookTemp: 0.05 };
      const entropy = { commitmentUseCrossEntropyLoss: true };
      for (const offset of [1000, -4000]) {
        const ids = vq(0, drawn).quantize(at(rows, 0), TRAIN).indices;
        await expectSame(vq(offset, drawn).quantize(at(rows, offset), TRAIN).indices, ids);
        const lossOf = (by: number) => (z: Tensor) => vq(by, entropy).quantize(z, TRAIN).loss;
        await expectClose(lossOf(offset)(at(rows, offset)), lossOf(0)(at(rows, 0)), tolerances.float32);
        await expectClose(
          grad(lossOf(offset))(at(rows, offset)),
          grad(lossOf(0))(at(rows, 0)),
          10 * tolerances.float32,
        );
      }
    });

    it('is not upset by a code that is far off, or is no number', async () => {
      const [rows, keys] = [at(await near(200, 1), 1000), await near(8, 2)];
      const scores = await rowsOf(scoresOf(compared(rows, at(keys, 1000), false), false));
      for (const bad of [1e12, 1e30, Number.NaN, Number.POSITIVE_INFINITY]) {
        const codes = at([...keys, [bad, bad, bad]], 1000);
        const found = await rowsOf(scoresOf(compared(rows, codes, false), false));
        found.forEach((row, n) => {
          expect([...row.slice(0, 8)]).toEqual([...(scores[n] as Float64Array)]);
          expect(row[8]).toBeLessThan(-1e11);
        });
        const ids = sampleCodes(rows, codes, { temperature: 1, useCosineSim: false, rng: createRng(1) });
        expect(Math.max(...(await ids.data()))).toBeLessThan(8);
      }
      const none = at([...keys.map(([a]) => [a as number, 0, 0]), [-1000, -1000, -1000]], 1000);
      const ids = sampleCodes(rows, none, { temperature: 1e6, useCosineSim: true, rng: createRng(1) });
      expect(Math.max(...(await ids.data()))).toBeLessThan(8);
    });
  });

  describe('the cross-entropy of the chosen codes', () => {
    const IDS = [0, 2, 1, 4, 4, 3];
    for (const cosine of [false, true]) {
      const kind = cosine ? 'dot products' : 'distances';
      it(`is -ln of their probability, against float64: ${kind}`, async () => {
        const [x, codes] = [normal(6, 3, 3), normal(5, 3, 4)];
        const indices = tensor1d(IDS, 'int32');
        const c = await rowsOf(codes);
        const expected = (await rowsOf(x)).map(
          (row, n) => -Math.log(probabilities64(row, c, cosine)[IDS[n] as number] as number),
        );
        await expectClose(codeCrossEntropy(x, codes, indices, cosine), expected, tolerances.float32);
      });

      it(`has the gradients of finite differences: ${kind}`, async () => {
        const [x, codes] = [normal(6, 3, 5), normal(5, 3, 6)];
        const [indices, weights] = [tensor1d(IDS, 'int32'), tensor1d([1, 0.5, 2, 1, -1, 0])];
        const total = (each: Tensor1D): Scalar => sum(mul(each, weights));
        const ofX = (z: Tensor): Scalar => total(codeCrossEntropy(z as Tensor2D, codes, indices, cosine));
        const ofCodes = (c: Tensor): Scalar => total(codeCrossEntropy(x, c as Tensor2D, indices, cosine));
        expect(await gradientError(ofX, x)).toBeLessThan(tolerances.finiteDifference);
        expect(await gradientError(ofCodes, codes)).toBeLessThan(tolerances.finiteDifference);
      });
    }

    if (engine === 'wasm') {
      it('is the same in parts as in one, and so are its gradients', async () => {
        const [n, k] = [900, 4000];
        const [x, codes] = [normal(n, 3, 7), normal(k, 3, 8)];
        const ids = tensor1d(
          Int32Array.from({ length: n }, (_, i) => (i * 37) % k),
          'int32',
        );
        const whole = codeCrossEntropy(x, codes, ids, false);
        const part = codeCrossEntropy(slice(x, [800, 0], [100, 3]), codes, slice(ids, 800), false);
        await expectClose(slice(whole, 800), part, tolerances.float32);
        const toX = (z: Tensor): Scalar => mean(codeCrossEntropy(z as Tensor2D, codes, ids, false));
        const toPart = (z: Tensor): Scalar => mean(codeCrossEntropy(z as Tensor2D, codes, slice(ids, 800), false));
        const [dWhole, dPart] = [grad(toX)(x), grad(toPart)(slice(x, [800, 0], [100, 3]))];
        const scaled = (await dPart.data()).map((value) => value / 9);
        await expectClose(slice(dWhole, [800, 0], [100, 3]), scaled, tolerances.float32);
      });
    }

    it('is finite where a token lies on its code', async () => {
      const codes = normal(4, 3, 9);
      const ids = tensor1d([0, 1, 2, 3], 'int32');
      const d = grad((z: Tensor) => sum(codeCrossEntropy(z as Tensor2D, codes, ids, false)))(codes);
      expect((await d.data()).every(Number.isFinite)).toBe(true);
    });
  });

  describe('drawn codes', () => {
    for (const useCosineSim of [false, true]) {
      it(`occur as often as their softmax says${useCosineSim ? ', cosine' : ''}`, async () => {
        const codes64 = (await rowsOf(normal(6, 3, 10))).map((row) => (useCosineSim ? unit(row) : row));
        const codes = tensor(
          codes64.flatMap((row) => [...row]),
          [6, 3],
        ) as Tensor2D;
        const token = useCosineSim ? unit(Float64Array.of(0.5, -0.3, 0.1)) : Float64Array.of(0.5, -0.3, 0.1);
        const n = 4000;
        const x = tensor(new Array(n).fill([...token]).flat(), [n, 3]) as Tensor2D;
        for (const temperature of [0.3, 1]) {
          const drawn = await sampleCodes(x, codes, { temperature, useCosineSim, rng: createRng(1) }).data();
          probabilities64(token, codes64, useCosineSim, temperature).forEach((p, k) => {
            const count = [...drawn].filter((index) => index === k).length;
            // Five standard deviations.
            expect(Math.abs(count - n * p)).toBeLessThanOrEqual(5 * Math.sqrt(n * p * (1 - p)));
          });
        }
      });
    }

    it('are the nearest ones when it is cold, and index 0 for a token that is not usable', async () => {
      const [x, codes] = [normal(30, 3, 11), normal(6, 3, 12)];
      const c = await rowsOf(codes);
      const nearest = (await rowsOf(x)).map((row) => nearestTo(row, c));
      const options = { temperature: 1e-4, useCosineSim: false, rng: createRng(2) };
      await expectSame(sampleCodes(x, codes, options), nearest);
      const odd = tensor([Number.NaN, 0, 0, 0, Number.POSITIVE_INFINITY, 0], [2, 3]) as Tensor2D;
      await expectSame(sampleCodes(odd, codes, { ...options, temperature: 1 }), [0, 0]);
    });

    it('are drawn in training only, decode to `quantized`, and cool with the step or the call', async () => {
      const cooling = { from: 1, to: 1e-4, steps: 10 };
      const vq = createVq({
        dim: 3,
        codebookSize: 32,
        stochasticSampleCodes: true,
        sampleCodebookTemp: cooling,
        decay: 1,
      });
      const x = normal(200, 3, 13);
      const nearest = await vq.encode(x).data();
      await expectSame(vq.quantize(x).indices, nearest);
      const { quantized, indices } = vq.quantize(x, { ...TRAIN, step: 0, freezeCodebook: true });
      expect(await indices.data()).not.toEqual(nearest);
      await expectSame(vq.decode(indices), quantized);
      const quiet = { ...TRAIN, step: 0, freezeCodebook: true };
      expect(await vq.quantize(x, quiet).indices.data()).not.toEqual(await indices.data());
      await expectSame(vq.quantize(x, { ...quiet, step: 10 }).indices, nearest);
      await expectSame(vq.quantize(x, { ...quiet, sampleCodebookTemp: 0 }).indices, nearest);
      expect(() => vq.quantize(x, TRAIN)).toThrow(
        'step must be a number >= 0 because sampleCodebookTemp is a schedule',
      );
      vq.dispose();
    });
  });
});
