import { add, div, type Tensor, tidy } from '@tensorflow/tfjs-core';

/** The mean gradient of several small batches, for a step as of one large one. */
export interface Accumulator {
  /** Adds the gradients of a batch, which stay the caller's. All batches must be of one size. */
  add(gradients: Readonly<Record<string, Tensor>>): void;
  /** The sums over the number of batches since the last call, and starts anew; a variable without a gradient in a batch counts 0 there. The caller disposes them. */
  take(): Record<string, Tensor>;
  /** Frees what was added since. */
  dispose(): void;
}

/**
 * Adds up gradients over batches.
 *
 * @example
 * const accumulator = createAccumulator();
 * for (const batch of [tf.ones([3]), tf.zeros([3])]) accumulator.add({ w: batch });
 * accumulator.take(); // { w: [0.5, 0.5, 0.5] }
 */
export function createAccumulator(): Accumulator {
  const sums = new Map<string, Tensor>();
  let batches = 0;
  const clear = (): void => {
    for (const sum of sums.values()) sum.dispose();
    sums.clear();
    batches = 0;
  };
  return {
    add(gradients) {
      for (const [name, gradient] of Object.entries(gradients)) {
        const before = sums.get(name);
        sums.set(name, before === undefined ? gradient.clone() : add(before, gradient));
        before?.dispose();
      }
      batches++;
    },
    take() {
      const means = [...sums].map(([name, sum]) => [name, tidy(() => div(sum, batches))] as const);
      clear();
      return Object.fromEntries(means);
    },
    dispose: clear,
  };
}
