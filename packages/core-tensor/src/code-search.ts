import { mean, mul, square, sub, sum, type Tensor1D, type Tensor2D, type Variable } from '@tensorflow/tfjs-core';
import { withoutGradient } from './autodiff.ts';
import { type Derived, derived } from './derived.ts';
import { type NearestCodeInputs, nearestCode } from './kernels/nearest-code.ts';
import { nearestCodeExact } from './kernels/nearest-code-exact.ts';

/** Finds the nearest code: [N, dim] → int32 [N], constants to gradients. */
export interface CodeSearch {
  nearest(x: Tensor2D): Tensor1D;
  dispose(): void;
}

/**
 * Search among the codes themselves: with the mean code c̄, `argmin |x - c_k|² = argmax ⟨x - c̄, c_k - c̄⟩ - ½ |c_k - c̄|²`. Centring
 * keeps an offset common to x and codes out of float32's way.
 *
 * @param codebook [K, dim], derived from `variables`; it stays the caller's.
 * @param exact searches as float64 does, by the kernel NearestCodeExact, which is slower, many times so with many wide codes.
 * @example
 * const book = derived([codes], () => tf.reshape(codes, [K, dim]));
 * const search = codeSpaceSearch(book, [codes]);
 * const indices = search.nearest(tokens);
 */
export function codeSpaceSearch(
  codebook: Derived<Tensor2D>,
  variables: readonly Variable[],
  exact = false,
): CodeSearch {
  if (exact) {
    return {
      nearest: (x) => {
        const codes = codebook.get();
        return withoutGradient(() => nearestCodeExact({ x, codes }));
      },
      dispose: () => undefined,
    };
  }
  const center = derived(variables, () => mean(codebook.get(), 0, true), [codebook]);
  const keys = derived(variables, () => sub(codebook.get(), center.get()) as Tensor2D, [codebook, center]);
  const bias = derived(variables, () => mul(sum(square(keys.get()), 1), -0.5) as Tensor1D, [keys]);
  return searchWith([center, keys, bias], (x) => ({
    x: sub(x, center.get()) as Tensor2D,
    keys: keys.get(),
    bias: bias.get(),
  }));
}

/**
 * A search by the kernel NearestCode in a space of its own.
 *
 * @param parts what `inputs` reads and the search owns, in the order in which they are brought up to date.
 */
export function searchWith(parts: readonly Derived[], inputs: (x: Tensor2D) => NearestCodeInputs): CodeSearch {
  return {
    nearest: (x) => {
      // Before the tape is off: what is kept must not be made inside a scope that ends with the search.
      for (const part of parts) part.get();
      return withoutGradient(() => nearestCode(inputs(x)));
    },
    dispose: () => {
      for (const part of parts) part.dispose();
    },
  };
}
