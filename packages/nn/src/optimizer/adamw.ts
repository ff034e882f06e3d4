import { type Tensor, tidy, type Variable, variable, zerosLike } from '@tensorflow/tfjs-core';
import { requireInteger } from '@vqkit/core-tensor';
import { adamWStep } from '../kernels/adamw-step.ts';
import { requireKeys, requireStateOf } from './state.ts';

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
  /** One update. A variable without a gradient does not move, and does not count the step. */
  step(gradients: Readonly<Record<string, Tensor | undefined>>, learningRate: number): void;
  /** t of each variable: how many updates it has had. */
  steps(): Record<string, number>;
  /** The moments `m.<name>` and `v.<name>` in the layout of the variables: the optimizer's own tensors, not copies. */
  state(): Record<string, Tensor>;
  /**
   * Copies moments in and sets t of each variable; both as `state()` and `steps()` gave them for the same variables.
   *
   * @throws OptionError or ShapeError when a name is missing or too many, a shape differs, or a t is no integer >= 0; nothing is changed then.
   */
  restore(state: Readonly<Record<string, Tensor>>, steps: Readonly<Record<string, number>>): void;
  dispose(): void;
}

/**
 * AdamW exactly as torch.optim.AdamW, over named variables: {@link adamWStep} for each. As there, t counts the updates of each variable
 * by itself, so that the first update of one whose gradient comes late, such as the last layer under quantize dropout, is a full step.
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
    steps: 0,
  }));
  const named = (): Record<string, Variable> =>
    Object.fromEntries(entries.flatMap(({ name, m, v }) => [[`m.${name}`, m] as const, [`v.${name}`, v] as const]));

  return {
    step(gradients, learningRate) {
      for (const entry of entries) {
        const { name, weight, m, v } = entry;
        const gradient = gradients[name];
        if (gradient === undefined) continue;
        entry.steps++;
        const attrs = { learningRate, beta1, beta2, epsilon: eps, weightDecay, step: entry.steps };
        tidy(() => {
          const [nextWeight, nextM, nextV] = adamWStep({ parameter: weight, gradient, m, v }, attrs);
          weight.assign(nextWeight);
          m.assign(nextM);
          v.assign(nextV);
        });
      }
    },
    steps: () => Object.fromEntries(entries.map(({ name, steps }) => [name, steps])),
    state: named,
    restore(state, steps) {
      const moments = named();
      requireStateOf(RESTORE, state, moments);
      requireKeys(RESTORE, 'steps', steps, Object.keys(variables));
      for (const [name, count] of Object.entries(steps)) requireInteger(RESTORE, `steps['${name}']`, count, 0);
      tidy(() => {
        for (const [key, moment] of Object.entries(moments)) moment.assign((state[key] as Tensor).clone());
      });
      for (const entry of entries) entry.steps = steps[entry.name] as number;
    },
    dispose() {
      for (const { m, v } of entries) {
        m.dispose();
        v.dispose();
      }
    },
  };
}

const RESTORE = 'AdamW.restore';

function zerosOf(weight: Variable): Variable {
  return tidy(() => variable(zerosLike(weight), false));
}
