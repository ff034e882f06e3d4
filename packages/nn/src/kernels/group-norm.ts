import { add, mul, reshape, rsqrt, square, sub, type Tensor } from '@tensorflow/tfjs-core';
import { defineKernel, type Kernel, mean, requireInteger, requireOption, ShapeError } from '@vqkit/core-tensor';

interface GroupNormAttrs {
  readonly groups: number;
  readonly epsilon: number;
}

const GroupNormGrad: Kernel<{ dy: Tensor; x: Tensor }, GroupNormAttrs, [dx: Tensor]> = defineKernel({
  name: 'GroupNormGrad',
  reference: ({ dy, x }, attrs) => {
    const { normalized, scale } = normalize(x, attrs);
    const g = grouped(dy, attrs);
    const alongX = mul(normalized, mean(mul(g, normalized), AXES, true));
    const dx = mul(scale, sub(sub(g, mean(g, AXES, true)), alongX));
    return [reshape(dx, x.shape)];
  },
});

const GroupNorm: Kernel<{ x: Tensor }, GroupNormAttrs, [y: Tensor]> = defineKernel({
  name: 'GroupNorm',
  reference: ({ x }, attrs) => [reshape(normalize(x, attrs).normalized, x.shape)],
  inputsToSave: ['x'],
  gradient: ([dy], [x], attrs) => ({ x: () => GroupNormGrad({ dy: dy as Tensor, x: x as Tensor }, attrs)[0] }),
});

/**
 * Group normalization without an affine part, channels last: every group of C/groups channels of one sample gets mean 0 and
 * variance 1 over all positions.
 *
 * `y = (x - E[x]) / √(Var[x] + ε)`, the variance divided by the number of elements, as PyTorch's `nn.GroupNorm(groups, C, affine=False)`.
 *
 * Source: Wu, He, "Group Normalization", arXiv:1803.08494.
 * @param x [batch, …, C] of rank >= 2, float32.
 * @param groups a divisor of C.
 * @param epsilon added to the variance. Default 1e-5.
 * @throws OptionError when groups is not an integer >= 1; ShapeError when it does not divide the last axis.
 * @example
 * groupNorm(tf.randomNormal([8, 7, 7, 32]), 4); // every sample and group: mean 0, variance 1
 */
export function groupNorm<T extends Tensor>(x: T, groups: number, epsilon = 1e-5): T {
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
  return GroupNorm({ x }, { groups, epsilon })[0] as T;
}

/** Positions and the channels of one group, in [batch, positions, groups, C / groups]. */
const AXES = [1, 3];

function grouped(x: Tensor, { groups }: GroupNormAttrs): Tensor {
  const channels = x.shape.at(-1) as number;
  const positions = x.shape.slice(1, -1).reduce((product, size) => product * size, 1);
  return reshape(x, [x.shape[0] as number, positions, groups, channels / groups]);
}

function normalize(x: Tensor, attrs: GroupNormAttrs): { normalized: Tensor; scale: Tensor } {
  const g = grouped(x, attrs);
  const centered = sub(g, mean(g, AXES, true));
  const scale = rsqrt(add(mean(square(centered), AXES, true), attrs.epsilon));
  return { normalized: mul(centered, scale), scale };
}
