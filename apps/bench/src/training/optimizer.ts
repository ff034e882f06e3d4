import { type Tensor, tidy, type Variable, variable, zerosLike } from '@tensorflow/tfjs-core';
import { adamWStep } from '@vqkit/core-tensor';

const ADAMW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };

export interface Optimizer {
  /** One update; a variable without a gradient stays as it is. The gradients stay the caller's. */
  step(gradients: ReadonlyMap<Variable, Tensor>, learningRate: number): void;
  dispose(): void;
}

/** AdamW over variables, with PyTorch's default settings. */
export function createOptimizer(variables: readonly Variable[]): Optimizer {
  const zeros = (like: Variable): Variable => {
    const value = zerosLike(like);
    const moment = variable(value, false);
    value.dispose();
    return moment;
  };
  const entries = variables.map((weight) => ({ weight, m: zeros(weight), v: zeros(weight) }));
  let done = 0;
  return {
    step(gradients, learningRate) {
      done++;
      for (const { weight, m, v } of entries) {
        const gradient = gradients.get(weight);
        if (gradient === undefined) continue;
        tidy(() => {
          const [nextWeight, nextM, nextV] = adamWStep(
            { parameter: weight, gradient, m, v },
            { ...ADAMW, learningRate, step: done },
          );
          weight.assign(nextWeight);
          m.assign(nextM);
          v.assign(nextV);
        });
      }
    },
    dispose() {
      for (const { m, v } of entries) {
        m.dispose();
        v.dispose();
      }
    },
  };
}
