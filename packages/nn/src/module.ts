import { type Tensor, tidy, type Variable } from '@tensorflow/tfjs-core';
import {
  countParameters,
  createParameterSet,
  requireAlive,
  requireTensor,
  ShapeError,
  stateWhileAlive,
} from '@vqkit/core-tensor';
import { type Description, describeNetwork, type Outline, type Value } from './description.ts';
import type { Scope } from './scope.ts';

/**
 * A part of a network, in the shape of PyTorch's nn.Module: it computes, it has named parameters, and it describes itself. Data are channels last.
 *
 * Every method but `dispose` throws DisposedError after `dispose()`. A part of a larger module shares its parameters with it.
 */
export interface Module {
  /** Path of its parameters in the whole model. */
  readonly path: string;
  /**
   * The result, differentiable in x and in the variables. The caller disposes it.
   * @throws ShapeError when x has another rank or other channels than the module takes.
   */
  apply<T extends Tensor>(x: T): T;
  /**
   * Layers, shapes, parameters, floating point operations and receptive field for inputs of this shape, [batch, …, channels]. Nothing is computed.
   * @throws ShapeError as `apply`.
   */
  describe(inputShape: readonly number[]): Description;
  /** Everything that an optimizer trains, by its name under `path`. */
  variables(): Record<string, Variable>;
  /** Copies of all parameters in PyTorch's layouts. The caller disposes them. */
  stateDict(): Record<string, Tensor>;
  /** Copies values in. Names, shapes and dtypes must match exactly; nothing is changed when they do not. */
  loadStateDict(tensors: Readonly<Record<string, Tensor>>): void;
  /** Frees the parameters; a second `dispose` does nothing. */
  dispose(): void;
  /** For modules that are made of others: adds its layers to the list that is being written, and gives its result. */
  trace(outline: Outline, x: Value): Value;
}

/** What a module writes itself. */
export interface ModuleParts {
  /** Intermediates are disposed by the caller. */
  apply(x: Tensor): Tensor;
  /** The same, told and not done: one `outline.layer` for each operation, or `trace` of a part. Throws ShapeError for what `apply` refuses. */
  trace(outline: Outline, x: Value): Value;
}

/**
 * Makes a module of its mathematics: state, memory, checks and the description come with it.
 *
 * @param where name of the constructor, for errors.
 * @param scope the module has all parameters that were made under it by now.
 * @example
 * const scope = createScope(createRng(0)).at('scale');
 * const weight = scope.filled('weight', [4], 1);
 * const scale = createModule('createScale', scope, {
 *   apply: (x) => tf.mul(x, weight),
 *   trace: (outline, x) =>
 *     outline.layer({ name: scope.path, operation: 'scale', inputs: [x], shape: x.shape, parameters: 4 }),
 * });
 * const y = scale.apply(tf.ones([16, 4]));
 */
export function createModule(where: string, scope: Scope, parts: ModuleParts): Module {
  countParameters();
  const parameters = scope.parameters();
  const set = createParameterSet(where, parameters);
  let disposed = false;
  const alive = (call: string): string => {
    const name = `${where}().${call}`;
    const gone = disposed || parameters.some(({ variable }) => variable.isDisposed);
    requireAlive(gone, name, 'the module');
    return name;
  };
  return {
    path: scope.path,
    apply<T extends Tensor>(x: T): T {
      const name = alive('apply');
      requireTensor(name, 'x', x);
      return tidy(() => parts.apply(x) as T);
    },
    describe(inputShape) {
      alive('describe');
      return describeNetwork(inputShape, parts.trace);
    },
    ...stateWhileAlive(set, alive),
    dispose() {
      if (disposed) return;
      disposed = true;
      set.dispose();
    },
    trace: parts.trace,
  };
}

/**
 * Describes modules that run one after the other, see {@link Module.describe}.
 *
 * @example
 * const scope = createScope(createRng(0));
 * const modules = [createLinearLayer(scope.at('a'), { inputs: 4, outputs: 8 }), createActivation(scope.at('b'), 'relu')];
 * describeModules(modules, [16, 4]).outputShape; // [16, 8]
 */
export function describeModules(modules: readonly Module[], inputShape: readonly number[]): Description {
  return describeNetwork(inputShape, (outline, x) => modules.reduce((y, module) => module.trace(outline, y), x));
}

/**
 * Throws unless a shape is [batch, …, channels] with so many axes between.
 *
 * @param channels undefined for any number.
 * @throws ShapeError
 * @example
 * requireChannels('createConv2d', [8, 28, 28, 3], 2, 3);
 */
export function requireChannels(where: string, shape: readonly number[], axes: number, channels?: number): void {
  if (shape.length === axes + 2 && (channels === undefined || shape.at(-1) === channels)) return;
  const between = ['length', 'height, width'][axes - 1] ?? '…';
  throw new ShapeError(
    where,
    'x',
    `be [batch, ${between}, ${channels ?? 'channels'}]`,
    shape,
    'Put the channels last.',
  );
}
