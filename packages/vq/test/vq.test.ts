import {
  add,
  dispose,
  engine,
  memory,
  mul,
  profile,
  type Scalar,
  sum,
  type Tensor,
  type Tensor2D,
  tensor,
  tidy,
  train,
  variableGrads,
} from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, expectSame, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createVq, type Vq, type VqOptions } from '../src/index.ts';
import { expectSameState, place } from './state.ts';
import { normal, TRAIN } from './tokens.ts';

eachEngine((engineName) => {
  describe('VQ inside a gradient', () => {
    const options: VqOptions = { dim: 4, codebookSize: 8, thresholdEmaDeadCode: 1, kmeansInit: true, kmeansIters: 2 };

    it('updates its codes once per call, the same as outside, and no gradient passes through the update', async () => {
      const [inside, outside] = [createVq(options), createVq(options)];
      for (let step = 0; step < 4; step++) {
        const x = normal(40, 4, 30 + step);
        const weights = normal(40, 4, 40);
        const before = createVq({ ...options, freezeCodebook: true });
        if (step > 0) before.loadStateDict(inside.stateDict());
        const objective = (vq: Vq): Scalar => {
          const { quantized, loss } = vq.quantize(x, TRAIN);
          return add(sum(mul(quantized, weights)), loss);
        };
        const [dx] = engine().gradients(() => objective(inside), [x]).grads;
        outside.quantize(x, TRAIN);
        await expectSameState(inside, outside);
        expect(inside.rng.state()).toEqual(outside.rng.state());
        if (step > 0) {
          const [expected] = engine().gradients(() => objective(before), [x]).grads;
          await expectSame(dx as Tensor, expected as Tensor);
        }
        before.dispose();
      }
      inside.dispose();
      outside.dispose();
    });

    it('may be called twice in one objective: the second call sees the codes of the first', async () => {
      const [twice, one] = [createVq(options), createVq(options)];
      const [x, y] = [normal(30, 4, 50), normal(30, 4, 51)];
      const [dx] = engine().gradients(
        () => add(sum(twice.quantize(x, TRAIN).quantized), twice.quantize(y, TRAIN).loss) as Scalar,
        [x],
      ).grads;
      expect((await (dx as Tensor).data()).every(Number.isFinite)).toBe(true);
      one.quantize(x, TRAIN);
      one.quantize(y, TRAIN);
      await expectSameState(twice, one);
      twice.dispose();
      one.dispose();
    });

    for (const [name, extra] of Object.entries({
      EMA: {},
      'EMA behind projections': { codebookDim: 2 },
      learnable: { learnableCodebook: true },
      'learnable, orthogonal, cross-entropy': {
        learnableCodebook: true,
        orthogonalRegWeight: 1,
        orthogonalRegMaxCodes: 4,
        commitmentUseCrossEntropyLoss: true,
      },
      drawn: { stochasticSampleCodes: true },
    } as Record<string, Partial<VqOptions>>)) {
      it(`leaves nothing behind over 100 steps, with and without a mask: ${name}`, async () => {
        const vq = createVq({ ...options, ...extra });
        const x = normal(30, 4, 52);
        const mask = tensor(
          Array.from({ length: 30 }, (_, i) => i % 4 > 0),
          [30],
          'bool',
        );
        const optimizer = train.adam(1e-3);
        const variables = Object.values(vq.variables());
        const once = (step: number): void => {
          const call = (): Scalar => vq.quantize(x, { ...TRAIN, mask: step % 2 ? mask : undefined }).loss;
          if (variables.length > 0) optimizer.minimize(call, false, variables);
          else tidy(() => void call());
          const ids = vq.encode(x);
          vq.decode(ids).dispose();
          ids.dispose();
        };
        for (let step = 0; step < 4; step++) once(step);
        const before = memory();
        for (let step = 0; step < 100; step++) once(step);
        expect(memory().numTensors).toBe(before.numTensors);
        expect(memory().numDataBuffers).toBe(before.numDataBuffers);
        expect(memory().numBytes).toBe(before.numBytes);
        vq.dispose();
        optimizer.dispose();
      });
    }

    it('gives a learnable codebook the gradient 2 (q - x) / elements of the tokens that chose each code', async () => {
      const vq = createVq({ dim: 2, codebookSize: 3, learnableCodebook: true, codebookWeight: 3, commitmentWeight: 0 });
      const codes = tensor([0, 0, 10, 0, 0, 10], [3, 2]) as Tensor2D;
      place(vq, codes);
      const x = tensor([1, 0, 9, 1, 11, 0, 0, 2], [4, 2]);
      const { value, grads } = variableGrads(() => vq.quantize(x, TRAIN).loss, Object.values(vq.variables()));
      // 8 elements, weight 3: code 0 has (1, 0) and (0, 2), code 1 has (9, 1) and (11, 0).
      const expected = [-1, -2, 0, -1, 0, 0].map((value) => (3 * 2 * value) / 8);
      await expectClose(Object.values(grads)[0] as Tensor, expected, tolerances.float32);
      dispose([value, grads]);
      vq.dispose();
    });
  });

  if (engineName === 'wasm') {
    it('VQ never forms a matrix of all tokens and all codes', async () => {
      const [n, k] = [5000, 3000];
      const x = normal(n, 4, 100);
      for (const options of [
        { thresholdEmaDeadCode: 2 },
        { stochasticSampleCodes: true },
        { commitmentUseCrossEntropyLoss: true, learnableCodebook: true },
      ] as Partial<VqOptions>[]) {
        const vq = createVq({ dim: 4, codebookSize: k, ...options });
        const { kernels } = await profile(() => {
          const { value, grads } = engine().gradients(() => vq.quantize(x, TRAIN).loss, [x]);
          vq.encode(x);
          return add(value, sum(grads[0] as Tensor));
        });
        const largest = Math.max(
          ...kernels.flatMap(({ outputShapes }) => outputShapes.map((shape) => shape.reduce((a, b) => a * b, 1))),
        );
        expect(largest).toBeLessThan((n * k) / 4);
        vq.dispose();
      }
    });
  }
});
