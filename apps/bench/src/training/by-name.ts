import type { Variable } from '@tensorflow/tfjs-core';

/** Variables under TensorFlow.js's own names, under which `variableGrads` gives their gradients. */
export function byName(variables: readonly Variable[]): Record<string, Variable> {
  return Object.fromEntries(variables.map((variable) => [variable.name, variable]));
}
