import type { Tensor4D } from '@tensorflow/tfjs-core';
import { maxPool2d } from './kernels/max-pool.ts';
import { createModule, type Module, requireChannels } from './module.ts';
import type { Scope } from './scope.ts';

/**
 * The larger of each 2 × 2 pixels, PyTorch's nn.MaxPool2d(2): halves height and width, of odd ones the last row or column goes. Of equal pixels the first has
 * the gradient.
 *
 * @throws ShapeError, from `apply`, for what is not [batch, height, width, channels].
 * @example
 * const pool = createMaxPool2d(createScope(createRng(0)));
 * const y = pool.apply(tf.zeros([2, 28, 28, 16])); // [2, 14, 14, 16]
 */
export function createMaxPool2d(scope: Scope): Module {
  const where = 'createMaxPool2d';
  return createModule(where, scope, {
    apply(x) {
      requireChannels(where, x.shape, 2);
      return maxPool2d(x as Tensor4D);
    },
    trace(outline, x) {
      requireChannels(where, x.shape, 2);
      const [batch = 0, height = 0, width = 0, channels = 0] = x.shape;
      return outline.layer({
        name: scope.path,
        operation: 'maxPool2d',
        attributes: { kernel: [2, 2], stride: [2, 2] },
        inputs: [x],
        shape: [batch, Math.floor(height / 2), Math.floor(width / 2), channels],
        reach: [
          { taps: 2, stride: 2 },
          { taps: 2, stride: 2 },
        ],
      });
    },
  });
}
