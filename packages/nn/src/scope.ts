import { type Tensor, type Variable, variable } from '@tensorflow/tfjs-core';
import {
  countParameters,
  OptionError,
  ownedVariable,
  type Parameter,
  type ParameterLayout,
  phrase,
  type Rng,
} from '@vqkit/core-tensor';

/**
 * Where a module makes its parameters: a path, and random numbers. The path in the code is the key in the file: what is made as `weight` under
 * `scope.at('encoder').at('conv1')` is `encoder.conv1.weight` in the state dict, and its numbers depend on the seed and that name alone.
 */
export interface Scope {
  /** Of the names under it, such as `encoder.conv1`; empty at the root. */
  readonly path: string;
  /** The scope of a part: a name, or its place in a list. */
  at(part: string | number): Scope;
  /** A parameter with numbers uniform in [-bound, bound); drawn in the order in which it is held. */
  uniform(name: string, shape: readonly number[], bound: number, layout?: ParameterLayout): Variable;
  /** A parameter that starts as one number everywhere. */
  filled(name: string, shape: readonly number[], value: number, layout?: ParameterLayout): Variable;
  /** A parameter that starts as a tensor, which stays the caller's. */
  from(name: string, value: Tensor, layout?: ParameterLayout): Variable;
  /** What was made under this path so far, its names relative to it. */
  parameters(): readonly Parameter[];
}

/**
 * The root of a model's parameters.
 *
 * @param rng is forked for each parameter by its name, and left as it is.
 * @throws OptionError, from what it makes, when a name is taken.
 * @example
 * const scope = createScope(createRng(0));
 * const conv = createConv2d(scope.at('encoder').at('conv1'), { inputs: 3, outputs: 16, kernel: 3 });
 * scope.parameters().map(({ name }) => name); // ['encoder.conv1.weight', 'encoder.conv1.bias']
 */
export function createScope(rng: Rng): Scope {
  const made: Parameter[] = [];

  const scopeAt = (path: string): Scope => {
    const prefix = path === '' ? '' : `${path}.`;
    const keep = (name: string, make: (fullName: string) => Variable, layout?: ParameterLayout): Variable => {
      const fullName = prefix + name;
      if (made.some((parameter) => parameter.name === fullName)) {
        throw new OptionError(
          'createScope',
          'names',
          'be different',
          phrase(`'${fullName}' twice`),
          "Make each part under a name of its own, scope.at('…').",
        );
      }
      const held = make(fullName);
      made.push({ name: fullName, variable: held, trainable: true, ...(layout && { layout }) });
      return held;
    };
    return {
      path,
      at: (part) => scopeAt(`${prefix}${part}`),
      uniform(name, shape, bound, layout) {
        const draw = (fullName: string): Variable =>
          ownedVariable(rng.fork(fullName).uniformArray(sizeOf(shape), -bound, bound), [...shape], true);
        return keep(name, draw, layout);
      },
      filled(name, shape, value, layout) {
        countParameters(sizeOf(shape));
        return keep(name, () => ownedVariable(new Float32Array(sizeOf(shape)).fill(value), [...shape], true), layout);
      },
      from: (name, value, layout) => keep(name, () => variable(value, true), layout),
      parameters: () =>
        made
          .filter(({ name }) => name.startsWith(prefix))
          .map((parameter) => ({ ...parameter, name: parameter.name.slice(prefix.length) })),
    };
  };
  return scopeAt('');
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
