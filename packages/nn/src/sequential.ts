import type { Tensor } from '@tensorflow/tfjs-core';
import { createModule, type Module } from './module.ts';
import type { Scope } from './scope.ts';

/** Makes a part under a scope that is its own. */
export type MakeModule = (scope: Scope) => Module;

/**
 * One module after the other, PyTorch's nn.Sequential: the state has the place of each as its name, `0.weight`, or the name it has in `parts`.
 *
 * @param parts a list, or names and parts in the order in which they run.
 * @example
 * const network = createSequential(createScope(createRng(0)), [
 *   (at) => createLinearLayer(at, { inputs: 8, outputs: 32 }),
 *   (at) => createActivation(at, 'gelu'),
 *   (at) => createLinearLayer(at, { inputs: 32, outputs: 4 }),
 * ]);
 * const y = network.apply(tf.zeros([16, 8])); // [16, 4]; state: 0.weight, 0.bias, 2.weight, 2.bias
 */
export function createSequential(
  scope: Scope,
  parts: readonly MakeModule[] | Readonly<Record<string, MakeModule>>,
): Module {
  const modules = Object.entries(parts).map(([name, make]: [string, MakeModule]) => make(scope.at(name)));
  return createModule('createSequential', scope, {
    apply: (x) => modules.reduce<Tensor>((y, module) => module.apply(y), x),
    trace: (outline, x) => modules.reduce((y, module) => module.trace(outline, y), x),
  });
}
