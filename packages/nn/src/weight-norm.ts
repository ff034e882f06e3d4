import { div, reshape, sqrt, square, type Tensor1D, type Tensor4D, tidy } from '@tensorflow/tfjs-core';
import type { ParameterLayout } from '@vqkit/core-tensor';
import { sum } from '@vqkit/core-tensor';
import { multiplyPerChannel } from './kernels/per-channel.ts';
import type { Scope } from './scope.ts';

/**
 * A filter that learns direction and length apart: `w = g · v / ‖v‖`, one length g for each place of the last axis as it is held, which is PyTorch's first:
 * torch.nn.utils.weight_norm, with its names `weight_v` and `weight_g`. It starts as the filter without it would.
 *
 * Source: Salimans, Kingma, "Weight Normalization", arXiv:1602.07868.
 * @param layout of v.
 * @returns the filter, differentiable in g and v. The caller disposes it.
 */
export function weightNormed(
  scope: Scope,
  shape: readonly number[],
  bound: number,
  layout: ParameterLayout,
): () => Tensor4D {
  const others = shape.slice(0, -1).map((_, axis) => axis);
  const v = scope.uniform('weight_v', shape, bound, layout);
  const lengths = tidy(() => sqrt(sum(square(v), others)));
  const g = scope.from('weight_g', lengths, {
    // PyTorch keeps the axes of the filter, of which one along a single axis has three.
    toTorch: (held) =>
      reshape(held, [
        held.size,
        ...layout
          .toTorch(v)
          .shape.slice(1)
          .map(() => 1),
      ]),
    fromTorch: (loaded) => reshape(loaded, [loaded.size]),
  });
  lengths.dispose();
  return () => multiplyPerChannel(v, div(g, sqrt(sum(square(v), others))) as Tensor1D) as Tensor4D;
}
