import { type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { AdamWAttrs } from '@vqkit/core-tensor';
import { engineOf } from '../engine.ts';

/** One pass over a parameter, its gradient and its moments; three new tensors. */
export const adamWStep: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { parameter, gradient, m, v } = inputs as Record<'parameter' | 'gradient' | 'm' | 'v', TensorInfo>;
  const { beta1, beta2, decay, rate, rootScale, epsilon } = attrs as unknown as AdamWAttrs;
  const outputs = [0, 1, 2].map(() => engine.output(parameter.shape, 'float32'));
  const pointers = [parameter, gradient, m, v, ...outputs].map((tensor) => engine.address(tensor));
  const size = util.sizeFromShape(parameter.shape);
  engine.call('adamWStep', ...pointers, size, beta1, 1 - beta1, beta2, 1 - beta2, decay, rate, rootScale, epsilon);
  return outputs;
};
