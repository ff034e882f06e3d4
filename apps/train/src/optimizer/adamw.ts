import { type Tensor, tidy, type Variable, variable, zerosLike } from '@tensorflow/tfjs-core';
import { adamWStep, OptionError, ShapeError, show } from '@vqkit/core-tensor';

export interface AdamWOptions {
  /** What to train, by name. */
  readonly variables: Readonly<Record<string, Variable>>;
  /** Decay rates β₁, β₂ of the moments. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** ε, added to the denominator. Default 1e-8. */
  readonly eps?: number;
  /** λ, decoupled. Default 0.01. */
  readonly weightDecay?: number;
}

export interface AdamW {
  /** One update. A variable without a gradient stays as it is, as in PyTorch. */
  step(gradients: Readonly<Record<string, Tensor>>, learningRate: number): void;
  /** Updates done. */
  stepsDone(): number;
  /** The moments `m.<name>` and `v.<name>` in the layout of the variables: the optimizer's own tensors, not copies. */
  state(): Record<string, Tensor>;
  /** Copies moments in and sets the number of updates done. Keys and shapes must match exactly. */
  restore(state: Readonly<Record<string, Tensor>>, stepsDone: number): void;
  dispose(): void;
}

/**
 * AdamW exactly as torch.optim.AdamW, over named variables: {@link adamWStep} for each, with the number of updates t counted from 1.
 *
 * @example
 * const optimizer = createAdamW({ variables: { w } });
 * optimizer.step({ w: gradient }, 3e-4);
 */
export function createAdamW(options: AdamWOptions): AdamW {
  const { variables, betas: [beta1, beta2] = [0.9, 0.999], eps = 1e-8, weightDecay = 0.01 } = options;
  const entries = Object.entries(variables).map(([name, weight]) => ({
    name,
    weight,
    m: zerosOf(weight),
    v: zerosOf(weight),
  }));
  const named = (): [string, Variable][] =>
    entries.flatMap(({ name, m, v }) => [
      [`m.${name}`, m] as [string, Variable],
      [`v.${name}`, v] as [string, Variable],
    ]);
  let stepsDone = 0;

  return {
    step(gradients, learningRate) {
      stepsDone++;
      const attrs = { learningRate, beta1, beta2, epsilon: eps, weightDecay, step: stepsDone };
      for (const { name, weight, m, v } of entries) {
        const gradient = gradients[name];
        if (gradient === undefined) continue;
        tidy(() => {
          const [nextWeight, nextM, nextV] = adamWStep({ parameter: weight, gradient, m, v }, attrs);
          weight.assign(nextWeight);
          m.assign(nextM);
          v.assign(nextV);
        });
      }
    },
    stepsDone: () => stepsDone,
    state: () => Object.fromEntries(named()),
    restore(state, done) {
      const moments = named();
      for (const [key, moment] of moments) {
        const given = state[key];
        if (given === undefined) {
          throw new OptionError(
            `AdamW.restore: state must hold '${key}', got ${show(Object.keys(state))}. Pass what state() gave.`,
          );
        }
        if (show(given.shape) !== show(moment.shape)) {
          throw new ShapeError(
            `AdamW.restore: '${key}' must have shape ${show(moment.shape)}, got ${show(given.shape)}. Pass the state of the same model.`,
          );
        }
      }
      for (const [key, moment] of moments) moment.assign((state[key] as Tensor).clone());
      stepsDone = done;
    },
    dispose() {
      for (const { m, v } of entries) {
        m.dispose();
        v.dispose();
      }
    },
  };
}

function zerosOf(weight: Variable): Variable {
  return tidy(() => variable(zerosLike(weight), false));
}
