import { keep, type Tensor, type Variable } from '@tensorflow/tfjs-core';
import { withoutGradient } from './autodiff.ts';

/** A tensor computed from variables, kept until one of them is given a new value. */
export interface Derived<T extends Tensor = Tensor> {
  /** The tensor for the present values: a constant to gradients. Owned here, never to be disposed by the caller. */
  get(): T;
  dispose(): void;
}

/**
 * A variable changes only through `assign` (optimizers, `loadStateDict`), which gives it another `dataId`; data of a tensor are
 * never written in place. So the same `dataId` of each means the same values, and no read of data is needed to know it.
 *
 * @param variables everything that `compute` depends on.
 * @param needs what `compute` gets that is itself derived; it is brought up to date first.
 */
export function derived<T extends Tensor>(
  variables: readonly Variable[],
  compute: () => T,
  needs: readonly Derived[] = [],
): Derived<T> {
  let value: T | undefined;
  let computedFrom: readonly object[] = [];
  return {
    get() {
      const now = variables.map((variable) => variable.dataId);
      if (value === undefined || now.some((dataId, i) => dataId !== computedFrom[i])) {
        for (const need of needs) need.get();
        value?.dispose();
        value = undefined;
        // A clone, because compute may return a variable itself, which is not ours to dispose.
        value = keep(withoutGradient(() => compute().clone()));
        computedFrom = now;
      }
      return value;
    },
    dispose() {
      value?.dispose();
      value = undefined;
    },
  };
}
