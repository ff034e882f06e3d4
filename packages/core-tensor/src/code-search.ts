import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { withoutGradient } from './autodiff.ts';
import type { Derived } from './derived.ts';
import { nearestCodeExact, type ScoreInputs } from './kernels/nearest-code-exact.ts';

/** Finds the nearest code: [N, dim] → int32 [N], constants to gradients. */
export interface CodeSearch {
  nearest(x: Tensor2D): Tensor1D;
  dispose(): void;
}

/** Scores in a narrower space, for {@link codeSearch}. */
export interface ScoreSpace {
  /** What `scoresFor` reads and the search owns, in the order in which they are brought up to date. */
  readonly parts: readonly Derived[];
  scoresFor(x: Tensor2D): ScoreInputs;
}

/**
 * Search by the kernel NearestCodeExact: `argmin_k |x - c_k|` as float64 finds it, whatever the codes.
 *
 * @param codebook [K, dim]; it stays the caller's.
 * @param space where scores say which codes can be the nearest with less work than among the codes.
 * @example
 * const book = derived([codes], () => tf.reshape<tf.Rank.R2>(codes, [K, dim]));
 * const search = codeSearch(book);
 * const indices = search.nearest(tokens);
 */
export function codeSearch(codebook: Derived<Tensor2D>, space?: ScoreSpace): CodeSearch {
  const parts = space?.parts ?? [];
  return {
    nearest: (x) => {
      // Before the tape is off: what is kept must not be made inside a scope that ends with the search.
      const codes = codebook.get();
      for (const part of parts) part.get();
      return withoutGradient(() => nearestCodeExact({ x, codes, ...space?.scoresFor(x) }));
    },
    dispose: () => {
      for (const part of parts) part.dispose();
    },
  };
}
