import { add, reciprocal, reshape, sin, square, type Tensor1D } from '@tensorflow/tfjs-core';
import { type ParameterLayout, requireInteger, requireKnownOptions } from '@vqkit/core-tensor';
import { multiplyPerChannel } from './kernels/per-channel.ts';
import { createModule, type Module, requireChannels } from './module.ts';
import type { Scope } from './scope.ts';

/** PyTorch's [1, channels, 1], as the codecs that use it have it. */
const LAYOUT: ParameterLayout = {
  toTorch: (held) => reshape(held, [1, held.size, 1]),
  fromTorch: (loaded) => reshape(loaded, [loaded.size]),
};

/**
 * The snake, an activation with a learned frequency for each channel: `x + sin²(αx) / (α + 1e-9)`, of [batch, length, channels].
 *
 * State: `alpha` [1, channels, 1], which starts as 1.
 *
 * Source: Ziyin, Hartwig, Ueda, "Neural networks fail to learn periodic functions and how to fix it", arXiv:2006.08195, in the form of the Descript Audio
 * Codec (Kumar and others, arXiv:2306.06546).
 * @throws OptionError when `channels` is not an integer >= 1; ShapeError, from `apply`, for other channels.
 * @example
 * const snake = createSnake(createScope(createRng(0)), { channels: 32 });
 * const y = snake.apply(tf.zeros([2, 1000, 32]));
 */
export function createSnake(scope: Scope, options: { channels: number }): Module {
  const where = 'createSnake';
  requireKnownOptions(where, options, ['channels']);
  const { channels } = options;
  requireInteger(where, 'channels', channels, 1);
  const alpha = scope.filled('alpha', [channels], 1, LAYOUT);
  return createModule(where, scope, {
    apply(x) {
      requireChannels(where, x.shape, 1, channels);
      const own = alpha as unknown as Tensor1D;
      const rises = square(sin(multiplyPerChannel(x, own)));
      return add(x, multiplyPerChannel(rises, reciprocal(add(own, 1e-9))));
    },
    trace(outline, x) {
      requireChannels(where, x.shape, 1, channels);
      const attributes = { channels };
      return outline.layer({
        name: scope.path,
        operation: 'snake',
        attributes,
        inputs: [x],
        shape: x.shape,
        parameters: channels,
      });
    },
  });
}
