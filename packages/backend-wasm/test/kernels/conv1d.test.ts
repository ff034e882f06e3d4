import {
  mul,
  randomNormal,
  type Scalar,
  sum,
  type Tensor,
  type Variable,
  valueAndGrads,
  variableGrads,
} from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { createConv1d, createScope } from '@vqkit/nn';
import { beforeAll, it } from 'vitest';
import { init } from '../../src/index.ts';
import { expectAsOnCpu } from '../compare.ts';

beforeAll(() => init({ threads: 1 }));

it.each([
  { length: 30, inputs: 4, outputs: 9, dilation: 3, stride: 1 },
  // More places than are taken at a time.
  { length: 1100, inputs: 3, outputs: 8, dilation: 9, stride: 1 },
  { length: 1100, inputs: 4, outputs: 2, dilation: 3, stride: 1 },
  { length: 2300, inputs: 2, outputs: 10, dilation: 1, stride: 2 },
  { length: 300, inputs: 32, outputs: 40, dilation: 3, stride: 1 },
  { length: 61, inputs: 5, outputs: 6, dilation: 2, stride: 2 },
])(
  'of $length places, $inputs → $outputs channels, dilation $dilation, stride $stride',
  async ({ length, ...options }) => {
    await expectAsOnCpu(() => {
      const conv = createConv1d(createScope(createRng(3)), { ...options, kernel: 7, padding: 5 });
      const x = randomNormal([2, length, options.inputs], 0, 1, 'float32', 1);
      const y = conv.apply(x);
      const dy = randomNormal(y.shape, 0, 1, 'float32', 2);
      const loss = (z: Tensor): Scalar => sum(mul(conv.apply(z), dy));
      const variables = Object.values(conv.variables()) as Variable[];
      const { grads } = variableGrads(() => loss(x), variables);
      const slopes = variables.map((variable) => grads[variable.name] as Tensor);
      return [y, ...valueAndGrads(loss)([x]).grads, ...slopes];
    });
  },
);
