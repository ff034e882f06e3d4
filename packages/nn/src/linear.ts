import { reshape, type Tensor1D, type Tensor2D, tidy, type Variable } from '@tensorflow/tfjs-core';
import {
  matMul,
  ownedVariable,
  type Parameter,
  type Rng,
  requireBoolean,
  requireInteger,
  requireKnownOptions,
  ShapeError,
  TRANSPOSED,
} from '@vqkit/core-tensor';
import { addPerChannel } from './kernels/per-channel.ts';
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
      throw new ShapeError(where, 'x', `be [batch, …, ${inputs}]`, shape, 'Put the features last.');
    }
    return [...shape.slice(0, -1), outputs];
  };
  return createModule(where, scope, {
    apply(x) {
      const shape = shapeOf(x.shape);
      const rows = reshape(x, [x.size / inputs, inputs]) as Tensor2D;
      const product = matMul(rows, weight as unknown as Tensor2D);
      return reshape(bias === undefined ? product : addPerChannel(product, bias as unknown as Tensor1D), shape);
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

/** A linear layer for the projections of quantizers; see {@link createLinear}. */
export interface Linear {
  /** [N, inputDim] → [N, outputDim]; differentiable in x, W and b. */
  apply(x: Tensor2D): Tensor2D;
  /** W as [inputDim, outputDim]. */
  readonly weight: Variable;
  /** b as [outputDim]. */
  readonly bias: Variable | undefined;
  /** For `createParameterSet` of @vqkit/core-tensor, which then owns the variables. */
  readonly parameters: readonly Parameter[];
}

/**
 * The layer of {@link createLinearLayer} for a quantizer, which has no scope: it draws from one generator after another layer, and binds the
 * parameters by itself. In the state dict W is `${name}.weight`, [outputDim, inputDim] as in PyTorch, and b is `${name}.bias`.
 *
 * @param options `inputDim` and `outputDim` >= 1; `rng` is drawn from once per number, W before b.
 * @example
 * const linear = createLinear({ name: 'project_in', inputDim: 8, outputDim: 3, bias: true, rng: createRng(0) });
 * const y = linear.apply(x); // [N, 8] → [N, 3]
 */
export function createLinear(options: {
  name: string;
  inputDim: number;
  outputDim: number;
  bias: boolean;
  rng: Rng;
}): Linear {
  const { name, inputDim, outputDim, rng } = options;
  const bound = 1 / Math.sqrt(inputDim);
  const weight = ownedVariable(rng.uniformArray(inputDim * outputDim, -bound, bound), [inputDim, outputDim], true);
  const bias = options.bias ? ownedVariable(rng.uniformArray(outputDim, -bound, bound), [outputDim], true) : undefined;
  const parameters: Parameter[] = [{ name: `${name}.weight`, variable: weight, trainable: true, layout: TRANSPOSED }];
  if (bias !== undefined) parameters.push({ name: `${name}.bias`, variable: bias, trainable: true });
  return {
    apply: (x) =>
      tidy(() => {
        const product: Tensor2D = matMul(x, weight as unknown as Tensor2D);
        return bias === undefined ? product : (addPerChannel(product, bias as unknown as Tensor1D) as Tensor2D);
      }),
    weight,
    bias,
    parameters,
  };
}
