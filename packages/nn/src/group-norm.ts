import { reshape, type Tensor1D } from '@tensorflow/tfjs-core';
import {
  requireBoolean,
  requireInteger,
  requireKnownOptions,
  requireOption,
  requirePositive,
  ShapeError,
} from '@vqkit/core-tensor';
import { groupNorm } from './kernels/group-norm.ts';
import { createModule, type Module } from './module.ts';
import type { Scope } from './scope.ts';

export interface GroupNormOptions {
  readonly channels: number;
  /** A divisor of the channels. */
  readonly groups: number;
  /** ε, added to the variance. Default 1e-5. */
  readonly epsilon?: number | undefined;
  /** Learns a factor and an offset of each channel. Default true. */
  readonly affine?: boolean | undefined;
}

/**
 * Group normalization, PyTorch's nn.GroupNorm, see {@link groupNorm}: of [batch, …, channels], the shape stays.
 *
 * State: `weight` and `bias` [channels], which start as 1 and 0; none without affine.
 *
 * @throws OptionError when an option breaks its rule; ShapeError, from `apply`, for other channels.
 * @example
 * const norm = createGroupNorm(createScope(createRng(0)), { channels: 64, groups: 32 });
 * const y = norm.apply(tf.zeros([2, 8, 8, 64]));
 */
export function createGroupNorm(scope: Scope, options: GroupNormOptions): Module {
  const where = 'createGroupNorm';
  requireKnownOptions(where, options, ['channels', 'groups', 'epsilon', 'affine']);
  const { channels, groups, epsilon = 1e-5, affine = true } = options;
  requireInteger(where, 'channels', channels, 1);
  requireInteger(where, 'groups', groups, 1);
  requireOption(
    channels % groups === 0,
    where,
    'groups',
    `a divisor of the ${channels} channels`,
    groups,
    'Use for example 1.',
  );
  return createNorm(where, scope, { channels, groups, epsilon, affine, perPlace: false });
}

export interface LayerNormOptions {
  /** Features, the last axis. */
  readonly channels: number;
  /** ε, added to the variance. Default 1e-5. */
  readonly epsilon?: number | undefined;
  /** Learns a factor and an offset of each feature. Default true. */
  readonly affine?: boolean | undefined;
}

/**
 * Layer normalization over the last axis, PyTorch's nn.LayerNorm: every place of [batch, …, channels] by itself.
 *
 * State: `weight` and `bias` [channels], which start as 1 and 0; none without affine.
 *
 * Source: Ba, Kiros, Hinton, "Layer Normalization", arXiv:1607.06450.
 * @throws OptionError when an option breaks its rule; ShapeError, from `apply`, for other channels.
 * @example
 * const norm = createLayerNorm(createScope(createRng(0)), { channels: 64 });
 * const y = norm.apply(tf.zeros([2, 100, 64]));
 */
export function createLayerNorm(scope: Scope, options: LayerNormOptions): Module {
  const where = 'createLayerNorm';
  requireKnownOptions(where, options, ['channels', 'epsilon', 'affine']);
  const { channels, epsilon = 1e-5, affine = true } = options;
  requireInteger(where, 'channels', channels, 1);
  return createNorm(where, scope, { channels, groups: 1, epsilon, affine, perPlace: true });
}

function createNorm(
  where: string,
  scope: Scope,
  options: { channels: number; groups: number; epsilon: number; affine: boolean; perPlace: boolean },
): Module {
  const { channels, groups, epsilon, affine, perPlace } = options;
  requirePositive(where, 'epsilon', epsilon);
  requireBoolean(where, 'affine', affine);
  const weight = affine ? scope.filled('weight', [channels], 1) : undefined;
  const bias = affine ? scope.filled('bias', [channels], 0) : undefined;
  const check = (shape: readonly number[]): readonly number[] => {
    if (shape.length >= 2 && shape.at(-1) === channels) return shape;
    throw new ShapeError(where, 'x', `be [batch, …, ${channels}]`, shape, 'Put the channels last.');
  };
  return createModule(where, scope, {
    apply(x) {
      check(x.shape);
      const places = perPlace ? reshape(x, [x.size / channels, channels]) : x;
      const own = weight && bias && { weight: weight as unknown as Tensor1D, bias: bias as unknown as Tensor1D };
      const y = groupNorm(places, groups, epsilon, own);
      return perPlace ? reshape(y, x.shape) : y;
    },
    trace: (outline, x) =>
      outline.layer({
        name: scope.path,
        operation: perPlace ? 'layerNorm' : 'groupNorm',
        attributes: { channels, ...(perPlace ? {} : { groups }), epsilon, affine },
        inputs: [x],
        shape: check(x.shape),
        parameters: affine ? 2 * channels : 0,
      }),
  });
}
