import { matMul, mul, type Tensor2D } from '@tensorflow/tfjs-core';
import { createLinear, ownedVariable, type Parameter, type Rng, unitLength } from '@vqkit/core-tensor';
import type { LfqConfig } from './options.ts';

/** The layers between `dim` features and the bits of all codebooks. */
export interface Projections {
  in(tokens: Tensor2D): Tensor2D;
  out(codes: Tensor2D): Tensor2D;
  readonly parameters: readonly Parameter[];
}

/** Linear layers, or none: `in` [N, dim] → [N, innerDim] and `out` back. */
export function createProjections(config: LfqConfig, innerDim: number, rng: Rng): Projections {
  const { dim, hasProjections, projectionHasBias: bias, cosineSimProjectIn } = config;
  if (!hasProjections) return { in: (tokens) => tokens, out: (codes) => codes, parameters: [] };
  const into = cosineSimProjectIn
    ? createCosineSimilarity(config, innerDim, rng)
    : createLinear({ name: 'project_in', inputDim: dim, outputDim: innerDim, bias, rng });
  const out = createLinear({ name: 'project_out', inputDim: innerDim, outputDim: dim, bias, rng });
  return {
    in: (tokens) => into.apply(tokens),
    out: (codes) => out.apply(codes),
    parameters: [...into.parameters, ...out.parameters],
  };
}

/** `scale · (x/|x|)(W/|W|)`, each column of W at unit length; in the state dict W is [dim, innerDim]: not PyTorch's order. */
function createCosineSimilarity(
  { dim, cosineSimProjectInScale }: LfqConfig,
  innerDim: number,
  rng: Rng,
): { apply(x: Tensor2D): Tensor2D; parameters: readonly Parameter[] } {
  const weight = ownedVariable(rng.normalArray(dim * innerDim, 1), [dim, innerDim], true);
  return {
    apply: (x) => {
      const similarity = matMul(unitLength(x, 1), unitLength(weight as unknown as Tensor2D, 0));
      return mul(similarity, cosineSimProjectInScale) as Tensor2D;
    },
    parameters: [{ name: 'project_in.weight', variable: weight, trainable: true }],
  };
}
