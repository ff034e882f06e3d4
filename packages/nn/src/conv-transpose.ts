import { requireInteger } from '@vqkit/core-tensor';
import { type ConvolutionOptions, createConvolution } from './convolution.ts';
import type { Module } from './module.ts';
import type { Scope } from './scope.ts';

export interface ConvTransposeOptions extends ConvolutionOptions {
  /** Places more at the end, fewer than the stride: of the lengths that a convolution would make the input's, which. Default 0. */
  readonly outputPadding?: number | undefined;
}

/**
 * The transposed convolution along one axis, PyTorch's nn.ConvTranspose1d: [batch, length, inputs] →
 * [batch, (length - 1) · stride + dilation · (kernel - 1) + 1 - padding + outputPadding, outputs], padding counted on both sides.
 * Weights start uniform in ±1/√(outputs · kernel), as there.
 *
 * State: `weight` [inputs, outputs, kernel] and `bias`, or with weightNorm `weight_g`, `weight_v` and `bias`.
 *
 * @throws OptionError when an option breaks its rule; ShapeError, from `apply`, for other channels.
 * @example
 * const up = createConvTranspose1d(createScope(createRng(0)), { inputs: 32, outputs: 16, kernel: 8, stride: 4, padding: 'causal' });
 * const y = up.apply(tf.zeros([2, 100, 32])); // [2, 400, 16]
 */
export function createConvTranspose1d(scope: Scope, options: ConvTransposeOptions): Module {
  return create('createConvTranspose1d', 'convTranspose1d', 1, scope, options);
}

/**
 * The transposed convolution over images, PyTorch's nn.ConvTranspose2d; as {@link createConvTranspose1d} along height and width.
 *
 * @throws OptionError; ShapeError from `apply`.
 * @example
 * const up = createConvTranspose2d(createScope(createRng(0)), { inputs: 32, outputs: 16, kernel: 4, stride: 2, padding: 1 });
 * const y = up.apply(tf.zeros([2, 7, 7, 32])); // [2, 14, 14, 16]
 */
export function createConvTranspose2d(scope: Scope, options: ConvTransposeOptions): Module {
  return create('createConvTranspose2d', 'convTranspose2d', 2, scope, options);
}

function create(
  where: string,
  operation: string,
  axes: 1 | 2,
  scope: Scope,
  { outputPadding = 0, ...options }: ConvTransposeOptions,
): Module {
  const { stride = 1 } = options;
  requireInteger(where, 'outputPadding', outputPadding, 0, Math.max(0, stride - 1));
  return createConvolution(scope, options, { where, operation, axes, transposed: true, outputPadding });
}
