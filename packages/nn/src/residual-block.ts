import { add } from '@tensorflow/tfjs-core';
import { ShapeError, show } from '@vqkit/core-tensor';
import { createModule, type Module } from './module.ts';
import type { Scope } from './scope.ts';

/**
 * What is added to what it was given: `y = shortcut(x) + branch(x)`, both parts made under `scope` by the caller.
 *
 * Source: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv:1512.03385.
 * @param shortcut default x itself.
 * @throws ShapeError, from `apply` and `describe`, when the two have different shapes.
 * @example
 * const scope = createScope(createRng(0));
 * const block = createResidualBlock(scope, createConv2d(scope.at('conv'), { inputs: 8, outputs: 8, kernel: 3 }));
 * const y = block.apply(tf.zeros([1, 16, 16, 8]));
 */
export function createResidualBlock(scope: Scope, branch: Module, shortcut?: Module): Module {
  const where = 'createResidualBlock';
  const requireEqual = (direct: readonly number[], changed: readonly number[]): void => {
    if (direct.join() === changed.join()) return;
    throw new ShapeError(
      where,
      'the branch',
      `keep the shape ${show(direct)}`,
      changed,
      'Pass a shortcut that changes it alike.',
    );
  };
  return createModule(where, scope, {
    apply(x) {
      const [direct, changed] = [shortcut?.apply(x) ?? x, branch.apply(x)];
      requireEqual(direct.shape, changed.shape);
      return add(direct, changed);
    },
    trace(outline, x) {
      const changed = branch.trace(outline, x);
      const direct = shortcut?.trace(outline, x) ?? x;
      requireEqual(direct.shape, changed.shape);
      return outline.layer({ name: scope.path, operation: 'add', inputs: [direct, changed], shape: changed.shape });
    },
  });
}
