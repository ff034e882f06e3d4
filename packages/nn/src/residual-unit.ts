import { requireInteger, requireKnownOptions, requireOneOf } from '@vqkit/core-tensor';
import { createActivation } from './activation.ts';
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
  /** Before either convolution: the Descript Audio Codec's, or SoundStream's and EnCodec's. Default `snake`. */
  readonly activation?: UnitActivation | undefined;
}

/** What may stand between the convolutions of networks for sound. */
export const UNIT_ACTIVATIONS = ['elu', 'snake'] as const;
export type UnitActivation = (typeof UNIT_ACTIVATIONS)[number];

/**
 * The residual unit of SoundStream's family in the form of the Descript Audio Codec (ResidualUnit): `x + conv1(snake(conv7(snake(x))))`, the first convolution
 * dilated, both with weight norm.
 *
 * State: `block.0.alpha`, `block.1.weight_g`, `block.1.weight_v`, `block.1.bias`, `block.2.alpha`, `block.3.…`; without `alpha` where the activation is `elu`.
 *
 * Source: Zeghidour and others, "SoundStream", arXiv:2107.03312; Kumar and others, arXiv:2306.06546.
 * @throws OptionError when an option breaks its rule; ShapeError, from `apply`, for what is not [batch, length, channels].
 * @example
 * const unit = createResidualUnit(createScope(createRng(0)), { channels: 16, dilation: 3 });
 * const y = unit.apply(tf.zeros([1, 200, 16])); // [1, 200, 16]
 */
export function createResidualUnit(scope: Scope, options: ResidualUnitOptions): Module {
  const where = 'createResidualUnit';
  requireKnownOptions(where, options, ['channels', 'dilation', 'causal', 'activation']);
  const { channels, dilation = 1, causal = false, activation = 'snake' } = options;
  requireInteger(where, 'channels', channels, 1);
  const both = { inputs: channels, outputs: channels, weightNorm: true };
  const branch = createSequential(scope.at('block'), [
    (at) => createUnitActivation(at, { activation, channels }),
    (at) => createConv1d(at, { ...both, kernel: 7, dilation, padding: causal ? 'causal' : 'same' }),
    (at) => createUnitActivation(at, { activation, channels }),
    (at) => createConv1d(at, { ...both, kernel: 1 }),
  ]);
  return createResidualBlock(scope, branch);
}

/**
 * The activation of a residual unit, for what stands around units: {@link createSnake}, or {@link createActivation}'s `elu`.
 *
 * @throws OptionError for another name; as they do.
 * @example
 * const activation = createUnitActivation(createScope(createRng(0)), { activation: 'elu', channels: 16 });
 * const y = activation.apply(tf.zeros([1, 200, 16])); // [1, 200, 16]
 */
export function createUnitActivation(
  scope: Scope,
  { activation, channels }: { readonly activation: UnitActivation; readonly channels: number },
): Module {
  requireOneOf('createUnitActivation', 'activation', activation, UNIT_ACTIVATIONS);
  return activation === 'elu' ? createActivation(scope, 'elu') : createSnake(scope, { channels });
}
