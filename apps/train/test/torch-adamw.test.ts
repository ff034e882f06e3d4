import { variableGrads } from '@tensorflow/tfjs-core';
import { createAdamW } from '@vqkit/nn';
import { createResidualSimVq } from '@vqkit/residual';
import { eachEngine, expectClose, type GoldenTensor, goldenAdamW, goldenTensor, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';

function mapValues<T, U>(values: Readonly<Record<string, T>>, f: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, f(value)]));
}

eachEngine(() => {
  describe('createAdamW', () => {
    it('trains a stack under quantize dropout as torch does, whose last layer has its first gradient at step 5', async () => {
      const { options, kept, x, state, state_after, steps } = goldenAdamW();
      const stack = createResidualSimVq({ dim: 6, codebookSize: 16, numQuantizers: 4, quantizeDropout: true });
      stack.loadStateDict(mapValues(state, goldenTensor));
      const variables = stack.variables();
      const { lr, betas, eps, weight_decay: weightDecay } = options;
      const optimizer = createAdamW({ variables, betas, eps, weightDecay });
      for (const [i, layers] of kept.entries()) {
        const input = goldenTensor(x[i] as GoldenTensor);
        const { grads } = variableGrads(
          () => stack.quantize(input, { training: true, layers }).loss,
          Object.values(variables),
        );
        optimizer.step(
          mapValues(variables, ({ name }) => grads[name]),
          lr,
        );
      }
      expect(optimizer.steps()).toEqual(steps);
      for (const [name, after] of Object.entries(stack.stateDict())) {
        await expectClose(after, (state_after[name] as GoldenTensor).data, tolerances.float32);
      }
      stack.dispose();
    });
  });
});
