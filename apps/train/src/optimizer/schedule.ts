/**
 * Learning rate of a step, counted from 0: rises linearly over `warmupSteps` (base/warmupSteps at step 0, base at step
 * warmupSteps - 1), then stays.
 */
export function learningRateAt(step: number, base: number, warmupSteps: number): number {
  return step + 1 >= warmupSteps ? base : (base * (step + 1)) / warmupSteps;
}
