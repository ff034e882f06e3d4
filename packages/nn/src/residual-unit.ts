import { requireInteger, requireKnownOptions } from '@vqkit/core-tensor';
import { createConv1d } from './conv1d.ts';
import type { Module } from './module.ts';
import { createResidualBlock } from './residual-block.ts';
import type { Scope } from './scope.ts';
import { createSequential } from './sequential.ts';
import { createSnake } from './snake.ts';

export interface ResidualUnitOptions {
  readonly channels: number;
  /** Of the first convolution: 1, 3, 9 in the units of one block. Default 1. */
  readonly dilation?: number | undefined;
  /** Whether no sample sees a later one. Default false. */
  readonly causal?: boolean | undefined;
}

/**
 * The residual unit of SoundStream's family in the form of the Descript Audio Codec (ResidualUnit): `x + conv1(snake(conv7(snake(x))))`, the first convolution
 * dilated, both with weight norm.
 *
 * State: `block.0.alpha`, `block.1.weight_g`, `block.1.weight_v`, `block.1.bias`, `block.2.alpha`, `block.3.…`.
 *
 * Source: Zeghidour and others, "SoundStream", arXiv:2107.03312; Kumar and others, arXiv:2306.06546.
 * @throws OptionError when an option breaks its rule; ShapeError, from `apply`, for what is not [batch, length, channels].
 * @example
 * const unit = createResidualUnit(createScope(createRng(0)), { channels: 16, dilation: 3 });
 * const y = unit.apply(tf.zeros([1, 200, 16])); // [1, 200, 16]
 */
export function createResidualUnit(scope: Scope, options: ResidualUnitOptions): Module {
  const where = 'createResidualUnit';
  requireKnownOptions(where, options, ['channels', 'dilation', 'causal']);
  const { channels, dilation = 1, causal = false } = options;
  requireInteger(where, 'channels', channels, 1);
  const both = { inputs: channels, outputs: channels, weightNorm: true };
  const branch = createSequential(scope.at('block'), [
    (at) => createSnake(at, { channels }),
    (at) => createConv1d(at, { ...both, kernel: 7, dilation, padding: causal ? 'causal' : 'same' }),
    (at) => createSnake(at, { channels }),
    (at) => createConv1d(at, { ...both, kernel: 1 }),
  ]);
  return createResidualBlock(scope, branch);
}
