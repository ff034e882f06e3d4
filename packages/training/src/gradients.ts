import { type Scalar, type Tensor, tidy, type Variable, variableGrads } from '@tensorflow/tfjs-core';
import type { AdamW } from '@vqkit/nn';

/** Gradients by the names of their variables. */
export type Gradients = Readonly<Record<string, Tensor>>;

/** A loss and its gradients by the names that the caller gave to the variables. The caller disposes them. */
export interface LossAndGradients {
  readonly loss: Scalar;
  readonly gradients: Gradients;
}

/**
 * TensorFlow.js names gradients by the variables' own, generated names; here they have those of the state dict. Without variables there are none, and the
 * objective is computed alone.
 */
export function lossAndGradients(
  variables: Readonly<Record<string, Variable>>,
  objective: () => Scalar,
): LossAndGradients {
  if (Object.keys(variables).length === 0) return { loss: tidy(objective), gradients: {} };
  const { value, grads } = variableGrads(objective, Object.values(variables));
  const named = Object.entries(variables).map(([name, variable]) => [name, grads[variable.name]] as const);
  return {
    loss: value,
    gradients: Object.fromEntries(named.filter((entry): entry is [string, Tensor] => entry[1] !== undefined)),
  };
}

/**
 * One step down an objective, without a check of anything: what training is where nobody watches. Gives the loss before the step, which the
 * caller disposes.
 *
 * @example
 * const variables = { x: tf.variable(tf.tensor([3])) };
 * const optimizer = createAdamW({ variables });
 * const loss = minimise({ variables, optimizer, learningRate: 1e-3 }, () => tf.sum(tf.square(variables.x)));
 * console.log(await loss.data()); // Float32Array [ 9 ]
 */
export function minimise(
  {
    variables,
    optimizer,
    learningRate,
  }: {
    readonly variables: Readonly<Record<string, Variable>>;
    readonly optimizer: AdamW;
    readonly learningRate: number;
  },
  objective: () => Scalar,
): Scalar {
  const { loss, gradients } = lossAndGradients(variables, objective);
  optimizer.step(gradients, learningRate);
  for (const gradient of Object.values(gradients)) gradient.dispose();
  return loss;
}
