import { engine, memory, sum, type Tensor, tensor2d } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { eachEngine, expectClose, expectIdentical, tolerances } from '@vqkit/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLinear, type Linear } from '../src/index.ts';

const linear = (seed = 1, bias = true): Linear =>
  createLinear({ name: 'project_in', inputDim: 3, outputDim: 2, bias, rng: createRng(seed) });

eachEngine(() => {
  let before: number;
  beforeEach(() => {
    before = memory().numTensors;
  });
  afterEach(() => {
    expect(memory().numTensors, 'tensors that outlive the test').toBe(before);
  });

  describe('createLinear', () => {
    it('is x W + b, and differentiable in all three', async () => {
      const layer = linear();
      const x = tensor2d([
        [1, 2, 3],
        [-1, 0, 4],
      ]);
      const [w, b] = [await layer.weight.data(), (await layer.bias?.data()) ?? []];
      const xs = [1, 2, 3, -1, 0, 4];
      const expected = [0, 1, 2, 3].map((i) => {
        const [row, column] = [Math.floor(i / 2), i % 2];
        return [0, 1, 2].reduce(
          (total, k) => total + (xs[row * 3 + k] as number) * (w[k * 2 + column] as number),
          b[column] as number,
        );
      });
      const y = layer.apply(x);
      await expectClose(y, expected, tolerances.float32);
      const inputs = [x, layer.weight, layer.bias as Tensor];
      const { value, grads } = engine().gradients(() => sum(layer.apply(x)) as Tensor, inputs);
      const [dx, dw, db] = grads;
      await expectClose(
        dx as Tensor,
        [0, 1, 2, 0, 1, 2].map((k) => (w[k * 2] as number) + (w[k * 2 + 1] as number)),
        tolerances.float32,
      );
      await expectClose(dw as Tensor, [0, 0, 2, 2, 7, 7], tolerances.float32);
      await expectClose(db as Tensor, [2, 2], tolerances.float32);
      for (const t of [x, y, value, dx, dw, db, layer.weight, layer.bias]) t?.dispose();
    });

    it('starts as PyTorch does: uniform in ±1/√inputDim, from the generator alone', async () => {
      const layer = createLinear({ name: 'l', inputDim: 100, outputDim: 200, bias: true, rng: createRng(3) });
      const w = (await layer.weight.data()) as Float32Array;
      const b = (await layer.bias?.data()) as Float32Array;
      for (const values of [w, b]) {
        expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.1);
        expect(Math.max(...values.map(Math.abs))).toBeGreaterThan(0.095);
      }
      const variance = w.reduce((total, value) => total + value * value, 0) / w.length;
      expect(variance).toBeGreaterThan((0.97 * 0.01) / 3);
      expect(variance).toBeLessThan((1.03 * 0.01) / 3);
      const rng = createRng(3);
      await expectIdentical(layer.weight, rng.uniformArray(20_000, -0.1, 0.1));
      await expectIdentical(b, rng.uniformArray(200, -0.1, 0.1));
      layer.weight.dispose();
      layer.bias?.dispose();
    });

    it('has no bias when it is told so', () => {
      const layer = linear(1, false);
      expect(layer.bias).toBeUndefined();
      expect(layer.parameters.map((p) => p.name)).toEqual(['project_in.weight']);
      layer.weight.dispose();
    });
  });
});
