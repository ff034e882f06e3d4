import { relu, type Tensor, tanh } from '@tensorflow/tfjs-core';
import { requireOneOf } from '@vqkit/core-tensor';
import { elu } from './kernels/elu.ts';
import { gelu } from './kernels/gelu.ts';
import { silu } from './kernels/silu.ts';
import { createModule, type Module } from './module.ts';
import type { Scope } from './scope.ts';

/** The functions that may stand between layers. */
export type Activation = 'relu' | 'gelu' | 'silu' | 'elu' | 'tanh';

const functions: Readonly<Record<Activation, (x: Tensor) => Tensor>> = { relu, gelu, silu, elu, tanh };

/**
 * An activation as a module, without parameters: for lists of modules, and so that a description names it.
 *
 * @throws OptionError for another name.
 * @example
 * const activation = createActivation(createScope(createRng(0)), 'gelu');
 * const y = activation.apply(tf.zeros([2, 8, 8, 16]));
 */
export function createActivation(scope: Scope, activation: Activation): Module {
  requireOneOf('createActivation', 'activation', activation, Object.keys(functions));
  return createModule('createActivation', scope, {
    apply: (x) => functions[activation](x),
    trace: (outline, x) => outline.layer({ name: scope.path, operation: activation, inputs: [x], shape: x.shape }),
  });
}
