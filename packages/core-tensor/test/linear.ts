import { add, matMul, type Tensor2D, type Variable } from '@tensorflow/tfjs-core';
import { ownedVariable, type Parameter, type Rng, TRANSPOSED } from '../src/index.ts';

/** x W + b: the smallest thing with parameters, one of them held in another layout than it is saved in. */
export interface TestLinear {
  apply(x: Tensor2D): Tensor2D;
  readonly weight: Variable;
  readonly bias: Variable;
  readonly parameters: readonly Parameter[];
}

export function testLinear(inputs: number, outputs: number, rng: Rng): TestLinear {
  const weight = ownedVariable(rng.uniformArray(inputs * outputs, -1, 1), [inputs, outputs], true);
  const bias = ownedVariable(rng.uniformArray(outputs, -1, 1), [outputs], true);
  return {
    apply: (x) => add(matMul(x, weight as unknown as Tensor2D), bias),
    weight,
    bias,
    parameters: [
      { name: 'project_in.weight', variable: weight, trainable: true, layout: TRANSPOSED },
      { name: 'project_in.bias', variable: bias, trainable: true },
    ],
  };
}
