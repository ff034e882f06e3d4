import { requireOption } from '@vqkit/core-tensor';
import { createConvolution, type PlaneOptions } from './convolution.ts';
import type { Module } from './module.ts';
import type { Scope } from './scope.ts';

export interface Conv2dOptions extends PlaneOptions {
  /** 2 repeats every pixel 2 × 2 times before the convolution (nearest upsampling), whose padding is then 'same'. Default 1. */
  readonly upsample?: 1 | 2 | undefined;
}

/**
 * A convolution over images, PyTorch's nn.Conv2d: [batch, height, width, inputs] → [batch, …, …, outputs]. Weights start uniform in
 * ±1/√(inputs · taps).
 *
 * State: `weight` [outputs, inputs, …kernel] and `bias`, or with weightNorm `weight_g`, `weight_v` and `bias`.
 *
 * @throws OptionError when an option breaks its rule; ShapeError, from `apply`, for other channels or images smaller than the filter.
 * @example
 * const down = createConv2d(createScope(createRng(0)), { inputs: 3, outputs: 16, kernel: 3, stride: 2, padding: 1 });
 * const y = down.apply(tf.zeros([8, 28, 28, 3])); // [8, 14, 14, 16]
 * const padding = [[1, 1], [4, 4]] as const;
 * const wide = createConv2d(createScope(createRng(0)), { inputs: 2, outputs: 8, kernel: [3, 9], stride: [1, 2], padding });
 * const z = wide.apply(tf.zeros([1, 28, 513, 2])); // [1, 28, 257, 8]
 */
export function createConv2d(scope: Scope, { upsample = 1, ...options }: Conv2dOptions): Module {
  const where = 'createConv2d';
  requireOption(upsample === 1 || upsample === 2, where, 'upsample', '1 or 2', upsample, 'Leave it out for 1.');
  const { kernel, stride = 1, dilation = 1, padding = 'same', bias = true } = options;
  const isPlain = !Array.isArray(kernel) && stride === 1 && dilation === 1 && padding === 'same' && bias;
  requireOption(
    upsample === 1 || isPlain,
    where,
    'upsample',
    "1 unless kernel is one number, stride and dilation are 1, padding is 'same' and there is a bias",
    upsample,
    'Leave it out for 1.',
  );
  return createConvolution(scope, options, { where, operation: 'conv2d', axes: 2, upsample });
}
