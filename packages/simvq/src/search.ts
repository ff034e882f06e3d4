import {
  add,
  max,
  mul,
  scalar,
  sqrt,
  square,
  stack,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  transpose,
  type Variable,
} from '@tensorflow/tfjs-core';
import { type CodeSearch, codeSearch, type Derived, derived, matMul, mean, sum } from '@vqkit/core-tensor';
import { linearSlack } from '@vqkit/core-tensor/plain-search';
import type { Linear } from '@vqkit/nn';

/**
 * Search in the frozen space, for a linear transform whose codes c_k = f_k W + b are wider than the frozen vectors f_k. With the
 * centre o = f̄ W + b,
 *
 * `argmin |x - c_k|² = argmax ⟨(x - o)Wᵀ, f_k - f̄⟩ - ½ |c_k - o|²`.
 *
 * The N × K product runs in the narrow space, and centring keeps an offset common to x and codes out of float32's way. Scores that are nearer
 * to each other than roundings in that space decide nothing: there the codes themselves are compared.
 *
 * @param codebook the codes [K, dim] that these make.
 */
export function frozenSpaceSearch(codebook: Derived<Tensor2D>, frozen: Variable, { weight, bias }: Linear): CodeSearch {
  const codes = frozen as unknown as Tensor2D;
  const w = weight as unknown as Tensor2D;
  const [width, dim] = w.shape;
  const variables = bias === undefined ? [frozen, weight] : [frozen, weight, bias];
  const mid = derived([frozen], () => mean(codes, 0, true));
  const keys = derived([frozen], () => sub(codes, mid.get()) as Tensor2D, [mid]);
  const back = derived([weight], () => transpose(w));
  const center = derived(variables, () => {
    const moved: Tensor = matMul(mid.get(), w);
    return bias === undefined ? moved : add(moved, bias);
  }, [mid]);
  const offsets = derived(variables, () => sub(codebook.get(), center.get()) as Tensor2D, [codebook, center]);
  const keyBias = derived(variables, () => mul(sum(square(offsets.get()), 1), -0.5) as Tensor1D, [offsets]);
  const slack = derived(variables, () => {
    const norms = {
      weight: norm(w),
      key: norm(keys.get(), 1),
      frozen: norm(codes, 1),
      bias: bias === undefined ? scalar(0) : norm(bias),
      code: norm(offsets.get(), 1),
      one: scalar(1),
    };
    return stack(linearSlack<Tensor>(add, mul, norms, width, dim, 2 ** -24)) as Tensor1D;
  }, [keys, offsets]);
  return codeSearch(codebook, {
    parts: [mid, keys, back, center, offsets, keyBias, slack],
    scoresFor: (x) => {
      const moved = sub(x, center.get()) as Tensor2D;
      return {
        queries: matMul(moved, back.get()),
        keys: keys.get(),
        bias: keyBias.get(),
        moved,
        slack: slack.get(),
      };
    },
  });
}

/** The length of all elements together, or of the longest row, never too short: squares of what is below 2^-63 are lost. */
function norm(x: Tensor, axis?: number): Tensor {
  return add(sqrt(max(sum(square(x), axis))), 2 ** -60);
}
