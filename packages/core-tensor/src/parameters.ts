import {
  add,
  matMul,
  type Tensor,
  type Tensor2D,
  tensor,
  tidy,
  transpose,
  type Variable,
  variable,
  zeros,
} from '@tensorflow/tfjs-core';
import { requireOption } from './check.ts';
import { DtypeError, ShapeError, show } from './errors.ts';
import { requireTensor } from './layout.ts';
import type { Rng } from './rng.ts';

/** One named tensor of a quantizer: what it trains (`trainable`) or only keeps. */
export interface Parameter {
  /** The key in the state dict: the reference library's name. */
  readonly name: string;
  readonly variable: Variable;
  readonly trainable: boolean;
  /** Held as [in, out] for speed, written to the state dict as PyTorch's [out, in]. */
  readonly transposed?: boolean;
}

/** The parameters of one module, under the names and layouts of PyTorch's state dict. */
export interface ParameterSet {
  /** What an optimizer trains, by name. */
  variables(): Record<string, Variable>;
  /** A copy of every parameter. The caller disposes the tensors. */
  stateDict(): Record<string, Tensor>;
  /** Copies values in. Keys and shapes must match exactly; nothing is changed when they do not. */
  loadStateDict(tensors: Readonly<Record<string, Tensor>>): void;
  dispose(): void;
}

/**
 * @param where function name for errors.
 * @param derivedKeys keys that the reference library stores and we compute (accepted and ignored on load).
 */
export function createParameterSet(
  where: string,
  parameters: readonly Parameter[],
  derivedKeys: readonly string[] = [],
): ParameterSet {
  const names = parameters.map((p) => p.name);
  return {
    variables: () => Object.fromEntries(parameters.filter((p) => p.trainable).map((p) => [p.name, p.variable])),
    stateDict: () =>
      Object.fromEntries(parameters.map((p) => [p.name, p.transposed ? transpose(p.variable) : p.variable.clone()])),
    loadStateDict: (tensors) => {
      const name = `${where}().loadStateDict`;
      const isObject = typeof tensors === 'object' && tensors !== null;
      const given = isObject ? Object.keys(tensors) : [];
      const unknown = given.filter((key) => !names.includes(key) && !derivedKeys.includes(key));
      const missing = names.filter((key) => !given.includes(key));
      requireOption(
        isObject && unknown.length === 0 && missing.length === 0,
        name,
        'tensors',
        `an object with exactly the keys ${show(names)}`,
        isObject ? given : tensors,
        `Missing ${show(missing)}, unknown ${show(unknown)}: load the state of a quantizer of the same configuration.`,
      );
      for (const p of parameters) {
        const value = tensors[p.name];
        requireTensor(name, `'${p.name}'`, value);
        if (value.dtype !== p.variable.dtype) {
          throw new DtypeError(
            `${name}: '${p.name}' must be ${p.variable.dtype}, got ${value.dtype}. Cast it with tf.cast(x, '${p.variable.dtype}').`,
          );
        }
        const expected = p.transposed ? [...p.variable.shape].reverse() : p.variable.shape;
        if (value.shape.length !== expected.length || value.shape.some((size, i) => size !== expected[i])) {
          throw new ShapeError(
            `${name}: '${p.name}' must have shape ${show(expected)}, got ${show(value.shape)}. Load the state of a quantizer of the same configuration.`,
          );
        }
      }
      tidy(() => {
        for (const p of parameters) {
          const value = tensors[p.name] as Tensor;
          p.variable.assign(p.transposed ? transpose(value) : value.clone());
        }
      });
    },
    dispose: () => {
      for (const p of parameters) p.variable.dispose();
    },
  };
}

/** A linear layer y = x W + b, initialised as PyTorch's nn.Linear: uniform in ±1/√inputDim. */
export interface Linear {
  apply(x: Tensor2D): Tensor2D;
  /** W as [inputDim, outputDim]. */
  readonly weight: Variable;
  readonly bias: Variable | undefined;
  readonly parameters: readonly Parameter[];
}

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
  const parameters: Parameter[] = [{ name: `${name}.weight`, variable: weight, trainable: true, transposed: true }];
  if (bias !== undefined) parameters.push({ name: `${name}.bias`, variable: bias, trainable: true });
  return {
    apply: (x) => {
      const product: Tensor2D = matMul(x, weight as unknown as Tensor2D);
      return bias === undefined ? product : (add(product, bias) as Tensor2D);
    },
    weight,
    bias,
    parameters,
  };
}

/** A variable from plain numbers; the tensor it is made from is disposed. */
export function ownedVariable(values: Float32Array, shape: number[], trainable: boolean): Variable {
  const value = values.length === 0 ? zeros(shape) : tensor(values, shape, 'float32');
  const made = variable(value, trainable);
  value.dispose();
  return made;
}

/**
 * A random orthogonal matrix [dim, dim], row-major (Gram-Schmidt in float64 of a Gaussian matrix): the fixed rotation of the
 * `orthogonalRotation` option.
 */
export function randomOrthogonal(rng: Rng, dim: number): Float32Array {
  const rows: Float64Array[] = [];
  while (rows.length < dim) {
    const row = Float64Array.from({ length: dim }, () => rng.normal());
    // Twice is enough: after the second pass the rows are orthogonal to working precision.
    for (let pass = 0; pass < 2; pass++) {
      for (const other of rows) {
        const overlap = dot(row, other);
        for (let i = 0; i < dim; i++) row[i] = (row[i] as number) - overlap * (other[i] as number);
      }
    }
    const norm = Math.sqrt(dot(row, row));
    if (norm > 1e-6) rows.push(row.map((value) => value / norm));
  }
  return Float32Array.from(rows.flatMap((row) => [...row]));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
