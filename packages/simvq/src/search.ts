import {
  add,
  matMul,
  mean,
  mul,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  transpose,
  type Variable,
} from '@tensorflow/tfjs-core';
import { type Linear, type NearestCodeInputs, nearestCode, withoutGradient } from '@vqkit/core-tensor';
import { type Derived, derived } from './derived.ts';

/** Finds the nearest code: [N, dim] → int32 [N], constants to gradients. */
export interface CodeSearch {
  nearest(x: Tensor2D): Tensor1D;
  dispose(): void;
}

/**
 * Search in the frozen space, for a linear transform whose codes c_k = f_k W + b are wider than the frozen vectors f_k. With the
 * centre c̄ = f̄ W + b,
 *
 * `argmin |x - c_k|² = argmax ⟨(x - c̄)Wᵀ, f_k - f̄⟩ - ½ (f_k - f̄)ᵀ W Wᵀ (f_k - f̄)`.
 *
 * The N × K product runs in the narrow space, no K × dim codebook is needed, and centring keeps an offset common to x and codes
 * out of float32's way.
 */
export function frozenSpaceSearch(frozen: Variable, { weight, bias }: Linear): CodeSearch {
  const codes = frozen as unknown as Tensor2D;
  const w = weight as unknown as Tensor2D;
  const mid = derived([frozen], () => mean(codes, 0, true));
  const keys = derived([frozen], () => sub(codes, mid.get()) as Tensor2D, [mid]);
  const back = derived([weight], () => transpose(w));
  const center = derived(bias === undefined ? [frozen, weight] : [frozen, weight, bias], () => {
    const moved: Tensor = matMul(mid.get(), w);
    return bias === undefined ? moved : add(moved, bias);
  }, [mid]);
  const keyBias = derived([frozen, weight], () => {
    const metric: Tensor2D = matMul(w, back.get());
    return mul(sum(mul(matMul(keys.get(), metric), keys.get()), 1), -0.5) as Tensor1D;
  }, [keys, back]);
  return searchWith([mid, keys, back, center, keyBias], (x) => ({
    x: matMul(sub(x, center.get()) as Tensor2D, back.get()),
    keys: keys.get(),
    bias: keyBias.get(),
  }));
}

/**
 * Search among the codes themselves, for a transform that is not linear or does not widen: with the mean code c̄,
 * `argmin |x - c_k|² = argmax ⟨x - c̄, c_k - c̄⟩ - ½ |c_k - c̄|²`.
 */
export function codeSpaceSearch(codebook: Derived<Tensor2D>, variables: readonly Variable[]): CodeSearch {
  const center = derived(variables, () => mean(codebook.get(), 0, true), [codebook]);
  const keys = derived(variables, () => sub(codebook.get(), center.get()) as Tensor2D, [codebook, center]);
  const bias = derived(variables, () => mul(sum(square(keys.get()), 1), -0.5) as Tensor1D, [keys]);
  return searchWith([center, keys, bias], (x) => ({
    x: sub(x, center.get()) as Tensor2D,
    keys: keys.get(),
    bias: bias.get(),
  }));
}

function searchWith(parts: readonly Derived[], inputs: (x: Tensor2D) => NearestCodeInputs): CodeSearch {
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
