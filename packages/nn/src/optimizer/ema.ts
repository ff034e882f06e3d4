import { add, mul, type Tensor, tidy, type Variable, variable } from '@tensorflow/tfjs-core';
import { requireInteger, requireOption } from '@vqkit/core-tensor';
import { requireStateOf } from './state.ts';

export interface EmaOptions {
  /** What is averaged, by name. */
  readonly variables: Readonly<Record<string, Variable>>;
  /** Share of the average that an update keeps, in (0, 1). Default 0.999. */
  readonly decay?: number | undefined;
}

/** Moving averages of weights, which are often better than the weights that they follow. */
export interface Ema {
  /** After each step: `average ← decay · average + (1 - decay) · weight`; the first update copies the weights. */
  update(): void;
  /** How many updates there were. */
  updates(): number;
  /** The averages under the names of the variables, in their layout: its own tensors, not copies. */
  state(): Record<string, Tensor>;
  /**
   * Copies averages in, as `state()` and `updates()` gave them for the same variables.
   * @throws OptionError or ShapeError; nothing is changed then.
   */
  restore(state: Readonly<Record<string, Tensor>>, updates: number): void;
  /** Runs `work`, an evaluation, while the variables hold the averages; then they hold the weights again, bit for bit, even if it throws. */
  withAverages<T>(work: () => T | Promise<T>): Promise<T>;
  dispose(): void;
}

/**
 * Moving averages of weights, as torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn.
 *
 * @throws OptionError when `decay` is not in (0, 1).
 * @example
 * const ema = createEma({ variables: { w }, decay: 0.99 });
 * ema.update(); // after every optimizer.step
 * await ema.withAverages(() => w.data());
 */
export function createEma({ variables, decay = 0.999 }: EmaOptions): Ema {
  requireOption(decay > 0 && decay < 1, 'createEma', 'decay', 'a number in (0, 1)', decay, 'Use for example 0.999.');
  const averages = Object.fromEntries(
    Object.entries(variables).map(([name, weight]) => [name, tidy(() => variable(weight.clone(), false))]),
  );
  const entries = Object.entries(averages).map(([name, average]) => ({ average, weight: variables[name] as Variable }));
  let count = 0;
  return {
    update() {
      tidy(() => {
        for (const { average, weight } of entries) {
          average.assign(count === 0 ? weight.clone() : add(mul(average, decay), mul(weight, 1 - decay)));
        }
      });
      count++;
    },
    updates: () => count,
    state: () => ({ ...averages }),
    restore(state, updates) {
      requireStateOf('Ema.restore', state, averages);
      requireInteger('Ema.restore', 'updates', updates, 0);
      tidy(() => {
        for (const [name, average] of Object.entries(averages)) average.assign((state[name] as Tensor).clone());
      });
      count = updates;
    },
    async withAverages(work) {
      const weights = entries.map(({ weight }) => weight.clone());
      const set = (values: readonly Tensor[]): void =>
        tidy(() => {
          entries.forEach(({ weight }, i) => {
            weight.assign((values[i] as Tensor).clone());
          });
        });
      set(entries.map(({ average }) => average));
      try {
        return await work();
      } finally {
        set(weights);
        for (const weight of weights) weight.dispose();
      }
    },
    dispose() {
      for (const { average } of entries) average.dispose();
    },
  };
}
