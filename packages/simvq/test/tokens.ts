import {
  type Scalar,
  type Tensor,
  type Tensor2D,
  tensor,
  tidy,
  type Variable,
  variableGrads,
} from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import type { SimVq } from '../src/index.ts';

export const TRAIN = { training: true } as const;

/** Normal tokens [n, dim]. */
export function normal(n: number, dim: number, seed: number, stddev = 0.5): Tensor2D {
  return tensor(createRng(seed).normalArray(n * dim, stddev), [n, dim]);
}

/** Gradients of a scalar to the variables of a quantizer, by name. */
export function parameterGradients(simvq: SimVq, f: () => Tensor): Record<string, Tensor> {
  const variables = Object.entries(simvq.variables());
  const { value, grads: found } = variableGrads(
    () => f() as Scalar,
    variables.map(([, v]) => v),
  );
  value.dispose();
  return Object.fromEntries(variables.map(([name, v]) => [name, found[v.name] as Tensor]));
}

/** Central differences of a scalar in every element of a variable. */
export async function differences(v: Variable, f: () => Tensor, step: number): Promise<number[]> {
  const values = Float32Array.from(await v.data());
  const at = async (i: number, delta: number): Promise<number> => {
    const moved = Float32Array.from(values);
    moved[i] = (moved[i] as number) + delta;
    tidy(() => v.assign(tensor(moved, v.shape)));
    const y = tidy(f);
    const [value] = await y.data();
    y.dispose();
    return value as number;
  };
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) found.push(((await at(i, step)) - (await at(i, -step))) / (2 * step));
  tidy(() => v.assign(tensor(values, v.shape)));
  return found;
}
