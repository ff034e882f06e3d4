import { memory, randomNormal, type Tensor, zeros } from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { adamWStep } from '../../src/index.ts';

const attrs = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 };

/** PyTorch's loop, in float64. */
function bruteForce(p: number, m: number, v: number, g: number, step: number): [number, number, number] {
  const { learningRate, beta1, beta2, epsilon, weightDecay } = attrs;
  const decayed = p * (1 - learningRate * weightDecay);
  const nextM = beta1 * m + (1 - beta1) * g;
  const nextV = beta2 * v + (1 - beta2) * g * g;
  const root = Math.sqrt(nextV) / Math.sqrt(1 - beta2 ** step) + epsilon;
  return [decayed - ((learningRate / (1 - beta1 ** step)) * nextM) / root, nextM, nextV];
}

eachEngine(() => {
  describe('adamWStep', () => {
    for (const shape of [[1], [3], [5, 7], [3, 3, 16, 33]]) {
      it(`follows torch.optim.AdamW for three steps, shape [${shape}]`, async () => {
        let parameter: Tensor = randomNormal(shape, 0, 1, 'float32', 1);
        let m: Tensor = zeros(shape);
        let v: Tensor = zeros(shape);
        const values = [...(await parameter.data())].map((p): [number, number, number] => [p, 0, 0]);
        for (let step = 1; step <= 3; step++) {
          const gradient = randomNormal(shape, 0, 0.1, 'float32', 10 + step);
          const g = await gradient.data();
          values.forEach(([p, a, b], i) => {
            values[i] = bruteForce(p, a, b, g[i] as number, step);
          });
          [parameter, m, v] = adamWStep({ parameter, gradient, m, v }, { ...attrs, step });
        }
        for (const [tensor, k] of [
          [parameter, 0],
          [m, 1],
          [v, 2],
        ] as const) {
          const expected = values.map((triple) => triple[k]);
          await expectClose(tensor, expected, tolerances.float32);
        }
      });
    }

    it('makes three tensors and leaves its inputs alone', async () => {
      const [parameter, gradient, m, v] = [1, 2, 3, 4].map((seed) => randomNormal([9], 0, 1, 'float32', seed)) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      const inputs = await Promise.all([parameter, gradient, m, v].map((t) => t.data()));
      const before = memory().numTensors;
      adamWStep({ parameter, gradient, m, v }, { ...attrs, step: 1 });
      expect(memory().numTensors).toBe(before + 3);
      for (const [i, t] of [parameter, gradient, m, v].entries()) await expectClose(t, inputs[i] as Float32Array, 0);
    });
  });
});
