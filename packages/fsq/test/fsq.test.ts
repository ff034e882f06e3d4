import { grads, linspace, mul, randomNormal, reshape, sum, type Tensor } from '@tensorflow/tfjs-core';
import {
  camelCaseOptions,
  eachEngine,
  expectClose,
  expectSame,
  goldenCases,
  goldenTensor,
  tolerances,
} from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createFsq, type FsqOptions } from '../src/index.ts';

eachEngine(() => {
  describe('FSQ against vector-quantize-pytorch', () => {
    for (const [i, golden] of goldenCases('FSQ').entries()) {
      it(`golden ${i}: ${JSON.stringify(golden.config)}`, async () => {
        const fsq = createFsq(camelCaseOptions(golden) as unknown as FsqOptions);
        fsq.loadStateDict(Object.fromEntries(Object.entries(golden.state).map(([k, v]) => [k, goldenTensor(v)])));
        const x = goldenTensor(golden.x);
        const { quantized, indices } = fsq.quantize(x, { training: true });
        expect(indices.shape).toEqual(golden.indices.shape);
        await expectSame(indices, golden.indices.data);
        await expectClose(quantized, golden.quantized.data, tolerances.float32);
        await expectSame(fsq.decode(indices), quantized);
        const [dx] = grads((z: Tensor) => {
          const q = fsq.quantize(z, { training: true }).quantized;
          return sum(mul(q, reshape(linspace(-1, 1, q.size), q.shape)));
        })([x]);
        await expectClose(dx as Tensor, golden.grad_x_of_quantized.data, tolerances.float32);
        fsq.dispose();
      });
    }
  });

  it('decodes indices up to 2^31 - 1 exactly', async () => {
    const fsq = createFsq({ levels: [16, 16, 16, 16, 16, 16, 16, 7], preserveSymmetry: true });
    const { quantized, indices } = fsq.quantize(randomNormal([1000, 8], 0, 1.5, 'float32', 1));
    await expectSame(fsq.decode(indices), quantized);
  });
});
