import { type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { AdamWAttrs } from '@vqkit/core-tensor';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, run } from '../program.ts';

/** One element per thread: a parameter, its gradient and its moments in one pass. */
export const ADAMW_STEP: Program = {
  name: 'AdamWStep',
  inputs: { parameter: 'f32', gradient: 'f32', m: 'f32', v: 'f32' },
  outputs: { next: 'f32', nextM: 'f32', nextV: 'f32' },
  params: {
    beta1: 'f32',
    rest1: 'f32',
    beta2: 'f32',
    rest2: 'f32',
    decay: 'f32',
    rate: 'f32',
    rootScale: 'f32',
    epsilon: 'f32',
  },
  body: `
let g = gradient[row];
let first = m[row] * params.beta1 + g * params.rest1;
let second = v[row] * params.beta2 + g * g * params.rest2;
next[row] = parameter[row] * params.decay - first * params.rate / (sqrt(second) * params.rootScale + params.epsilon);
nextM[row] = first;
nextV[row] = second;`,
};

export const adamWStep: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { parameter, gradient, m, v } = call.inputs as Record<'parameter' | 'gradient' | 'm' | 'v', TensorInfo>;
  const { beta1, beta2, decay, rate, rootScale, epsilon } = call.attrs as unknown as AdamWAttrs;
  const [next, nextM, nextV] = [0, 1, 2].map(() => output(backend, parameter.shape, 'float32')) as [
    TensorInfo,
    TensorInfo,
    TensorInfo,
  ];
  const tensors = { parameter, gradient, m, v, next, nextM, nextV };
  const operands = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, { tensor, perRow: 1 }]));
  const factors = { beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2, decay, rate, rootScale, epsilon };
  run(backend, ADAMW_STEP, util.sizeFromShape(parameter.shape), operands, factors);
  return [next, nextM, nextV];
};
