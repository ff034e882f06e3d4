import { type Tensor, tensor, tidy, transpose, type Variable, variable } from '@tensorflow/tfjs-core';
import { requireOption } from './check.ts';
import { DtypeError, ShapeError, show } from './errors.ts';
import { requireTensor } from './layout.ts';
import type { Rng } from './rng.ts';

/** How a tensor is held for speed, and how PyTorch's state dict has it. */
export interface ParameterLayout {
  toTorch(held: Tensor): Tensor;
  fromTorch(loaded: Tensor): Tensor;
}

const AS_IN_TORCH: ParameterLayout = { toTorch: (held) => held.clone(), fromTorch: (loaded) => loaded.clone() };

/** A matrix, held as [in, out], PyTorch's [out, in]. */
export const TRANSPOSED: ParameterLayout = {
  toTorch: (held) => transpose(held),
  fromTorch: (loaded) => transpose(loaded),
};

/** One named tensor of a quantizer or a network: what it trains (`trainable`) or only keeps. */
export interface Parameter {
  /** The key in the state dict: the reference library's name. */
  readonly name: string;
  readonly variable: Variable;
  readonly trainable: boolean;
  /** Default as in the state dict. */
  readonly layout?: ParameterLayout;
}

/** The parameters of one module, under the names and layouts of PyTorch's state dict. */
export interface ParameterSet {
  /** What an optimizer trains, by name. */
  variables(): Record<string, Variable>;
  /** Everything that it owns. Default what `variables` gives. */
  all?(): readonly Variable[];
  /** A copy of every parameter. The caller disposes the tensors. */
  stateDict(): Record<string, Tensor>;
  /** Copies values in. Keys and shapes must match exactly; nothing is changed when they do not. */
  loadStateDict(tensors: Readonly<Record<string, Tensor>>): void;
  dispose(): void;
}

/**
 * The state of what can be disposed: the calls of its parameters, each checked first. A state dict is whole or, where an engine has no memory for it, nothing is left of it.
 *
 * @param alive is given the name of the call, and throws where there is nothing to call any more.
 * @example
 * const set = createParameterSet('createFsq', []);
 * const { variables } = stateWhileAlive(set, (call) => requireAlive(false, `createFsq().${call}`, 'the quantizer'));
 * variables(); // {}
 */
export function stateWhileAlive(
  set: ParameterSet,
  alive: (call: string) => unknown,
): Pick<ParameterSet, 'variables' | 'stateDict' | 'loadStateDict'> {
  return {
    variables() {
      alive('variables');
      return set.variables();
    },
    stateDict() {
      alive('stateDict');
      return tidy(() => set.stateDict());
    },
    loadStateDict(tensors) {
      alive('loadStateDict');
      set.loadStateDict(tensors);
    },
  };
}

/**
 * Binds the parameters of one module into the part of the quantizer contract that is about state.
 *
 * `loadStateDict` throws OptionError for wrong keys or values that are not tensors, DtypeError and ShapeError; all checks come before
 * the first copy, so that nothing is changed when it throws.
 *
 * @param where name of the constructor, for errors.
 * @param parameters owned by the set from now on: `dispose` frees them.
 * @param derivedKeys keys that the reference library stores and we compute: accepted and ignored on load.
 * @example
 * const variable = ownedVariable(new Float32Array(24), [8, 3], true);
 * const set = createParameterSet('createFsq', [{ name: 'project_in.weight', variable, trainable: true, layout: TRANSPOSED }]);
 * Object.keys(set.stateDict()); // ['project_in.weight'], as [3, 8]
 */
export function createParameterSet(
  where: string,
  parameters: readonly Parameter[],
  derivedKeys: readonly string[] = [],
): ParameterSet {
  const names = parameters.map((p) => p.name);
  return {
    variables: () => Object.fromEntries(parameters.filter((p) => p.trainable).map((p) => [p.name, p.variable])),
    all: () => parameters.map(({ variable }) => variable),
    stateDict: () =>
      Object.fromEntries(
        parameters.map(({ name, variable, layout = AS_IN_TORCH }) => [name, tidy(() => layout.toTorch(variable))]),
      ),
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
        `Missing ${show(missing)}, unknown ${show(unknown)}: load the state of the same configuration.`,
      );
      for (const p of parameters) {
        const value = tensors[p.name];
        requireTensor(name, `'${p.name}'`, value);
        if (value.dtype !== p.variable.dtype) {
          throw new DtypeError(
            name,
            `'${p.name}'`,
            `be ${p.variable.dtype}`,
            value.dtype,
            `Cast it with tf.cast(x, '${p.variable.dtype}').`,
          );
        }
        const { layout = AS_IN_TORCH } = p;
        const expected = tidy(() => layout.toTorch(p.variable).shape);
        if (value.shape.length !== expected.length || value.shape.some((size, i) => size !== expected[i])) {
          throw new ShapeError(
            name,
            `'${p.name}'`,
            `have shape ${show(expected)}`,
            value.shape,
            'Load the state of the same configuration.',
          );
        }
      }
      tidy(() => {
        // All of them before the first is changed: an engine may have no memory for one.
        const values = parameters.map(({ name, layout = AS_IN_TORCH }) => layout.fromTorch(tensors[name] as Tensor));
        parameters.forEach((p, i) => {
          p.variable.assign(values[i] as Tensor);
        });
      });
    },
    dispose: () => {
      for (const p of parameters) p.variable.dispose();
    },
  };
}

/**
 * A variable from plain numbers; the tensor it is made from is disposed.
 *
 * @param values as many as `shape` says, row-major.
 * @param trainable whether tfjs's optimizers find it by themselves.
 * @example
 * const bias = ownedVariable(new Float32Array(3), [3], true);
 */
export function ownedVariable(values: Float32Array, shape: number[], trainable: boolean): Variable {
  const value = tensor(values, shape, 'float32');
  const made = variable(value, trainable);
  value.dispose();
  return made;
}

/**
 * A random orthogonal matrix R [dim, dim], row-major: the fixed rotation of the `orthogonalRotation` option. Gram-Schmidt in float64 of
 * a Gaussian matrix, so that it is uniform over all rotations and reflections, and R Rᵀ = I within one float32 rounding.
 *
 * @example
 * const rotation = ownedVariable(randomOrthogonal(createRng(0), 4), [4, 4], false);
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
