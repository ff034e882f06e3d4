import {
  add,
  broadcastTo,
  mul,
  ones,
  reshape,
  rsqrt,
  slice,
  square,
  stack,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor3D,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core';
import { defineKernel, type Kernel, mean, requireInteger, requireOption, ShapeError, sum } from '@vqkit/core-tensor';

interface GroupsAttrs {
  readonly groups: number;
}

interface GroupNormAttrs extends GroupsAttrs {
  readonly epsilon: number;
}

/** Of each image and channel, [batch, 4, C]: Σ dy, Σ dy · n with n the normalized x, and the mean and scale of the channel's group. */
const GroupNormSums: Kernel<{ dy: Tensor; x: Tensor }, GroupNormAttrs, [sums: Tensor3D]> = defineKernel({
  name: 'GroupNormSums',
  reference: ({ dy, x }, attrs) => {
    const { normalized, center, scale } = normalize(x, attrs);
    const [batch, channels] = [x.shape[0] as number, x.shape.at(-1) as number];
    const own = (t: Tensor): Tensor => reshape(sum(reshape(t, [batch, -1, channels]), 1), [batch, channels]);
    const ofGroup = (t: Tensor): Tensor =>
      reshape(broadcastTo(t, [batch, 1, attrs.groups, channels / attrs.groups]), [batch, channels]);
    const along = mul(reshape(dy, normalized.shape), normalized);
    return [stack([own(dy), own(along), ofGroup(center), ofGroup(scale)], 1) as Tensor3D];
  },
});

const GroupNormGrad: Kernel<{ dy: Tensor; x: Tensor; weight: Tensor1D; sums: Tensor3D }, GroupsAttrs, [dx: Tensor]> =
  defineKernel({
    name: 'GroupNormGrad',
    reference: ({ dy, x, weight, sums }, { groups }) => {
      const [batch, channels] = [x.shape[0] as number, x.shape.at(-1) as number];
      const places = [batch, 1, groups, channels / groups];
      const row = (i: number): Tensor => reshape(slice(sums, [0, i, 0], [batch, 1, channels]), places);
      const factor = reshape(weight, [1, 1, groups, channels / groups]);
      const count = x.size / (batch * groups);
      const overGroup = (t: Tensor): Tensor => mul(sum(mul(t, factor), 3, true), 1 / count);
      const scale = row(3);
      const normalized = mul(sub(grouped(x, groups), row(2)), scale);
      const slope = sub(mul(grouped(dy, groups), factor), overGroup(row(0)));
      return [reshape(mul(sub(slope, mul(normalized, overGroup(row(1)))), scale), x.shape)];
    },
  });

const GroupNorm: Kernel<{ x: Tensor; weight: Tensor1D; bias: Tensor1D }, GroupNormAttrs, [y: Tensor]> = defineKernel({
  name: 'GroupNorm',
  reference: ({ x, weight, bias }, attrs) => {
    return [add(mul(reshape(normalize(x, attrs).normalized, x.shape), weight), bias)];
  },
  inputsToSave: ['x', 'weight'],
  gradient: ([slope], saved, { groups, epsilon }) => {
    const [dy, x, weight] = [slope, ...saved] as [Tensor, Tensor, Tensor1D];
    const [sums] = GroupNormSums({ dy, x }, { groups, epsilon });
    const own = (i: number): Tensor => sum(slice(sums, [0, i, 0], [-1, 1, -1]), [0, 1]);
    return {
      x: () => GroupNormGrad({ dy, x, weight, sums }, { groups })[0],
      weight: () => own(1),
      bias: () => own(0),
    };
  },
});

/** A factor and an offset of each channel. */
export interface Affine {
  readonly weight: Tensor1D;
  readonly bias: Tensor1D;
}

/**
 * Group normalization, channels last: every group of C/groups channels of one sample gets mean 0 and variance 1 over all positions, then each
 * channel its factor and offset.
 *
 * `y = (x - E[x]) / √(Var[x] + ε) · weight + bias`, the variance divided by the number of elements, as PyTorch's `nn.GroupNorm`; without `affine`,
 * weight is 1 and bias 0.
 *
 * - Gradient: to x, weight and bias.
 *
 * Source: Wu, He, "Group Normalization", arXiv:1803.08494.
 * @param x [batch, …, C] of rank >= 2, float32.
 * @param groups a divisor of C.
 * @param epsilon added to the variance. Default 1e-5.
 * @param affine weight [C] and bias [C]. Default none.
 * @throws OptionError when groups is not an integer >= 1; ShapeError when it does not divide the last axis.
 * @example
 * groupNorm(tf.randomNormal([8, 7, 7, 32]), 4); // every sample and group: mean 0, variance 1
 */
export function groupNorm<T extends Tensor>(x: T, groups: number, epsilon = 1e-5, affine?: Affine): T {
  requireInteger('groupNorm', 'groups', groups, 1);
  requireOption(epsilon >= 0, 'groupNorm', 'epsilon', 'a number >= 0', epsilon, 'Use for example 1e-5.');
  const channels = x.shape.at(-1) ?? 0;
  if (x.rank < 2 || channels % groups !== 0) {
    throw new ShapeError(
      'groupNorm',
      'x',
      `be [batch, …, C] with C a multiple of groups = ${groups}`,
      x.shape,
      'Use a divisor of the last axis.',
    );
  }
  return tidy(() => {
    const { weight, bias } = affine ?? { weight: ones([channels]) as Tensor1D, bias: zeros([channels]) as Tensor1D };
    return GroupNorm({ x, weight, bias }, { groups, epsilon })[0] as T;
  });
}

/** Positions and the channels of one group, in [batch, positions, groups, C / groups]. */
const AXES = [1, 3];

function grouped(x: Tensor, groups: number): Tensor {
  const channels = x.shape.at(-1) as number;
  const positions = x.shape.slice(1, -1).reduce((product, size) => product * size, 1);
  return reshape(x, [x.shape[0] as number, positions, groups, channels / groups]);
}

function normalize(
  x: Tensor,
  { groups, epsilon }: GroupNormAttrs,
): { normalized: Tensor; center: Tensor; scale: Tensor } {
  const g = grouped(x, groups);
  const center = mean(g, AXES, true);
  const centered = sub(g, center);
  const scale = rsqrt(add(mean(square(centered), AXES, true), epsilon));
  return { normalized: mul(centered, scale), center, scale };
}
