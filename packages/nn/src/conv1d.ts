import { type ConvolutionOptions, createConvolution } from './convolution.ts';
import type { Module } from './module.ts';
import type { Scope } from './scope.ts';

/**
 * A convolution along one axis, PyTorch's nn.Conv1d: [batch, length, inputs] → [batch, …, outputs]. Weights start uniform in ±1/√(inputs · kernel).
 *
 * State: `weight` [outputs, inputs, kernel] and `bias`, or with weightNorm `weight_g`, `weight_v` and `bias`.
 *
 * @throws OptionError when an option breaks its rule; ShapeError, from `apply`, for other channels or inputs shorter than the filter.
 * @example
 * const conv = createConv1d(createScope(createRng(0)), { inputs: 1, outputs: 32, kernel: 7, padding: 'causal' });
 * const y = conv.apply(tf.zeros([2, 16000, 1])); // [2, 16000, 32], of which no sample sees a later one
 */
export function createConv1d(scope: Scope, options: ConvolutionOptions): Module {
  return createConvolution(scope, options, { where: 'createConv1d', operation: 'conv1d', axes: 1 });
}
