import { add, matMul, reshape, type Tensor2D } from '@tensorflow/tfjs-core';
import { requireBoolean, requireInteger, requireKnownOptions, ShapeError, show, TRANSPOSED } from '@vqkit/core-tensor';
import { createModule, type Module } from './module.ts';
import type { Scope } from './scope.ts';

export interface LinearOptions {
  /** Features of the input. */
  readonly inputs: number;
  /** Features of the result. */
  readonly outputs: number;
  /** Default true. */
  readonly bias?: boolean | undefined;
}

/**
 * A linear layer y = x W + b over the last axis, PyTorch's nn.Linear: [batch, …, inputs] → [batch, …, outputs]. Both start uniform in ±1/√inputs.
 *
 * State: `weight` [outputs, inputs] and `bias`.
 *
 * @throws OptionError when an option breaks its rule; ShapeError, from `apply`, for other features.
 * @example
 * const linear = createLinearLayer(createScope(createRng(0)), { inputs: 128, outputs: 32 });
 * const y = linear.apply(tf.zeros([16, 128])); // [16, 32]
 */
export function createLinearLayer(scope: Scope, options: LinearOptions): Module {
  const where = 'createLinearLayer';
  requireKnownOptions(where, options, ['inputs', 'outputs', 'bias']);
  const { inputs, outputs, bias: hasBias = true } = options;
  requireInteger(where, 'inputs', inputs, 1);
  requireInteger(where, 'outputs', outputs, 1);
  requireBoolean(where, 'bias', hasBias);
  const bound = 1 / Math.sqrt(inputs);
  const weight = scope.uniform('weight', [inputs, outputs], bound, TRANSPOSED);
  const bias = hasBias ? scope.uniform('bias', [outputs], bound) : undefined;
  const shapeOf = (shape: readonly number[]): number[] => {
    if (shape.length < 2 || shape.at(-1) !== inputs) {
      throw new ShapeError(
        `${where}: x must be [batch, …, ${inputs}], got shape ${show(shape)}. Put the features last.`,
      );
    }
    return [...shape.slice(0, -1), outputs];
  };
  return createModule(where, scope, {
    apply(x) {
      const shape = shapeOf(x.shape);
      const rows = reshape(x, [x.size / inputs, inputs]) as Tensor2D;
      const product = matMul(rows, weight as unknown as Tensor2D);
      return reshape(bias === undefined ? product : add(product, bias), shape);
    },
    trace(outline, x) {
      const shape = shapeOf(x.shape);
      return outline.layer({
        name: scope.path,
        operation: 'linear',
        attributes: { inputs, outputs, bias: hasBias },
        inputs: [x],
        shape,
        parameters: inputs * outputs + (hasBias ? outputs : 0),
        flops: 2 * inputs * shape.reduce((product, size) => product * size, 1),
      });
    },
  });
}
