import { requireInteger, requireKnownOptions } from '@vqkit/core-tensor';
import { createActivation } from './activation.ts';
import { createConv2d } from './conv2d.ts';
import { createGroupNorm } from './group-norm.ts';
import type { Module } from './module.ts';
import { createResidualBlock } from './residual-block.ts';
import type { Scope } from './scope.ts';
import { createSequential } from './sequential.ts';

export interface ResnetBlockOptions {
  readonly inputs: number;
  readonly outputs: number;
  /** Groups of the norms, a divisor of both. Default 32. */
  readonly groups?: number | undefined;
  /** ε of the norms. Default 1e-6, as in VQGAN. */
  readonly epsilon?: number | undefined;
}

/**
 * The residual block of VQGAN's autoencoder (ResnetBlock, without its time embedding and dropout):
 * `shortcut(x) + conv2(silu(norm2(conv1(silu(norm1(x))))))`, 3 × 3 convolutions; the shortcut is x, or a 1 × 1 convolution where the channels change.
 *
 * State: `norm1`, `conv1`, `norm2`, `conv2` and, where there is one, `nin_shortcut`, each with `weight` and `bias`.
 *
 * Source: Esser, Rombach, Ommer, "Taming Transformers", arXiv:2012.09841.
 * @throws OptionError when an option breaks its rule; ShapeError, from `apply`, for what is not [batch, height, width, inputs].
 * @example
 * const block = createResnetBlock(createScope(createRng(0)), { inputs: 32, outputs: 64 });
 * const y = block.apply(tf.zeros([1, 8, 8, 32])); // [1, 8, 8, 64]
 */
export function createResnetBlock(scope: Scope, options: ResnetBlockOptions): Module {
  const where = 'createResnetBlock';
  requireKnownOptions(where, options, ['inputs', 'outputs', 'groups', 'epsilon']);
  const { inputs, outputs, groups = 32, epsilon = 1e-6 } = options;
  requireInteger(where, 'inputs', inputs, 1);
  requireInteger(where, 'outputs', outputs, 1);
  const branch = createSequential(scope, {
    norm1: (at) => createGroupNorm(at, { channels: inputs, groups, epsilon }),
    act1: (at) => createActivation(at, 'silu'),
    conv1: (at) => createConv2d(at, { inputs, outputs, kernel: 3 }),
    norm2: (at) => createGroupNorm(at, { channels: outputs, groups, epsilon }),
    act2: (at) => createActivation(at, 'silu'),
    conv2: (at) => createConv2d(at, { inputs: outputs, outputs, kernel: 3 }),
  });
  const shortcut =
    inputs === outputs ? undefined : createConv2d(scope.at('nin_shortcut'), { inputs, outputs, kernel: 1 });
  return createResidualBlock(scope, branch, shortcut);
}
