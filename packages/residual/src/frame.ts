import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { type Parameter, type Rng, sameSpace } from '@vqkit/core-tensor';
import { createLinear } from '@vqkit/nn';

/** What comes before the first layer of a stack and after the last. */
export interface Frame {
  /** Features outside; inside there are as many as the layers have. */
  readonly dim: number;
  in(tokens: Tensor2D): Tensor2D;
  out(codes: Tensor2D): Tensor2D;
  readonly parameters: readonly Parameter[];
  /** v of the bound `v tanh(x / v)` before the first layer, one number or one per feature, if there is one. */
  readonly softClamp?: readonly number[] | undefined;
  /** Where the layers look for codes, if it is behind no parameters: the `toCodeSpace` of the contract. */
  readonly toCodeSpace?: ((z: Tensor) => Tensor) | undefined;
}

export function noFrame(dim: number): Frame {
  return { dim, in: (tokens) => tokens, out: (codes) => codes, parameters: [], toCodeSpace: sameSpace };
}

/** `project_in` and `project_out`, linear with bias; nothing where no features are to be added or removed. */
export function createProjections(dim: number, codeDim: number, rng: Rng): Frame {
  if (dim === codeDim) return noFrame(dim);
  const into = createLinear({ name: 'project_in', inputDim: dim, outputDim: codeDim, bias: true, rng });
  const out = createLinear({ name: 'project_out', inputDim: codeDim, outputDim: dim, bias: true, rng });
  return {
    dim,
    in: (tokens) => into.apply(tokens),
    out: (codes) => out.apply(codes),
    parameters: [...into.parameters, ...out.parameters],
  };
}
