import { add, mul, reshape, softmax, type Tensor, type Tensor4D, transpose } from '@tensorflow/tfjs-core';
import { matMul, requireInteger, requireKnownOptions, requireOption, ShapeError } from '@vqkit/core-tensor';
import { createConv1d } from './conv1d.ts';
import { createConv2d } from './conv2d.ts';
import { createGroupNorm } from './group-norm.ts';
import { createModule, type Module } from './module.ts';
import type { Scope } from './scope.ts';

export interface AttentionOptions {
  readonly channels: number;
  /** Groups of the GroupNorm before it, a divisor of the channels. Default 32. */
  readonly groups?: number | undefined;
  /** ε of the GroupNorm. Default 1e-6, as in VQGAN. */
  readonly epsilon?: number | undefined;
  /** A divisor of the channels. Default 1. */
  readonly heads?: number | undefined;
  /** Axes between batch and channels: 2 of images, 1 of sequences. Default 2. */
  readonly axes?: 1 | 2 | undefined;
}

/**
 * Self-attention of all places to all, as it stands at the bottleneck of VQGAN's autoencoder (AttnBlock):
 * `x + proj_out(softmax(q kᵀ / √d) v)`, q, k, v and proj_out linear in the channels of norm(x), d = channels / heads. The shape stays.
 *
 * State: `norm`, `q`, `k`, `v`, `proj_out`, each with `weight` and `bias`.
 *
 * Source: Esser, Rombach, Ommer, "Taming Transformers", arXiv:2012.09841.
 * @throws OptionError when an option breaks its rule; ShapeError, from `apply`, for other channels.
 * @example
 * const attention = createAttention(createScope(createRng(0)), { channels: 64 });
 * const y = attention.apply(tf.zeros([1, 8, 8, 64]));
 */
export function createAttention(scope: Scope, options: AttentionOptions): Module {
  const where = 'createAttention';
  requireKnownOptions(where, options, ['channels', 'groups', 'epsilon', 'heads', 'axes']);
  const { channels, groups = 32, epsilon = 1e-6, heads = 1, axes = 2 } = options;
  requireInteger(where, 'channels', channels, 1);
  requireInteger(where, 'heads', heads, 1);
  requireOption(channels % heads === 0, where, 'heads', `a divisor of the ${channels} channels`, heads, 'Use 1.');
  requireOption(axes === 1 || axes === 2, where, 'axes', '1 or 2', axes, 'Leave it out for images.');
  const norm = createGroupNorm(scope.at('norm'), { channels, groups, epsilon });
  const createConv = axes === 1 ? createConv1d : createConv2d;
  const project = (name: string): Module =>
    createConv(scope.at(name), { inputs: channels, outputs: channels, kernel: 1 });
  const [query, key, value, out] = [project('q'), project('k'), project('v'), project('proj_out')];
  const size = channels / heads;
  const requireShape = (shape: readonly number[]): void => {
    if (shape.length === axes + 2) return;
    throw new ShapeError(where, 'x', `have ${axes + 2} axes`, shape, 'Set axes to those between batch and channels.');
  };
  return createModule(where, scope, {
    apply(x) {
      requireShape(x.shape);
      const [batch = 0] = x.shape;
      const places = x.size / (batch * channels);
      /** [batch, heads, places, size]. */
      const split = (y: Tensor): Tensor4D =>
        transpose(reshape(y, [batch, places, heads, size]), [0, 2, 1, 3]) as Tensor4D;
      const normed = norm.apply(x);
      const [q, k, v] = [query, key, value].map((projection) => split(projection.apply(normed))) as [
        Tensor4D,
        Tensor4D,
        Tensor4D,
      ];
      const weights = softmax(mul(matMul(q, k, false, true), 1 / Math.sqrt(size)));
      const mixed = reshape(transpose(matMul(weights, v), [0, 2, 1, 3]), x.shape);
      return add(x, out.apply(mixed));
    },
    trace(outline, x) {
      requireShape(x.shape);
      const [batch = 0, ...others] = x.shape;
      const places = others.slice(0, axes).reduce((product, length) => product * length, 1);
      const normed = norm.trace(outline, x);
      const parts = [query, key, value].map((projection) => projection.trace(outline, normed));
      const mixed = outline.layer({
        name: scope.path,
        operation: 'attention',
        attributes: { heads },
        inputs: parts,
        shape: x.shape,
        flops: 4 * batch * places * places * channels,
        reach: others.slice(0, axes).map(() => ({ taps: Number.POSITIVE_INFINITY, stride: 1 })),
      });
      const projected = out.trace(outline, mixed);
      return outline.layer({ name: scope.path, operation: 'add', inputs: [x, projected], shape: x.shape });
    },
  });
}
