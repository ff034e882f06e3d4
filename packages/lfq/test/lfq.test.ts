import { grads, linspace, mul, reshape, sum, type Tensor } from '@tensorflow/tfjs-core';
import {
  camelCaseOptions,
  eachEngine,
  expectClose,
  expectSame,
  type Golden,
  goldenCases,
  goldenTensor,
  tolerances,
} from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createLfq, type Lfq, type LfqOptions } from '../src/index.ts';

function ofGolden(golden: Golden, extra: Partial<LfqOptions> = {}): Lfq {
  const lfq = createLfq({ ...(camelCaseOptions(golden) as LfqOptions), ...extra });
  lfq.loadStateDict(Object.fromEntries(Object.entries(golden.state).map(([k, v]) => [k, goldenTensor(v)])));
  return lfq;
}

eachEngine(() => {
  describe('LFQ against vector-quantize-pytorch', () => {
    for (const [i, golden] of goldenCases('LFQ').entries()) {
      const name = JSON.stringify({ ...golden.config, ...golden.forward });
      it(`golden ${i}: ${name}`, async () => {
        const lfq = ofGolden(golden, { entropyEps: 1e-5 });
        const x = goldenTensor(golden.x);
        const mask = golden.mask === undefined ? undefined : goldenTensor(golden.mask);
        const call = { training: true, invTemperature: golden.forward?.inv_temperature, mask };
        const { quantized, indices, loss, losses } = lfq.quantize(x, call);
        expect(indices.shape).toEqual(golden.indices.shape);
        if (mask === undefined) await expectSame(indices, golden.indices.data);
        if (mask === undefined) await expectClose(quantized, golden.quantized.data, tolerances.float32);
        await expectClose(loss, golden.loss?.data ?? [], tolerances.float32);
        await expectClose(losses.perSampleEntropy, [golden.breakdown?.per_sample_entropy ?? 0], tolerances.float32);
        await expectClose(losses.codebookEntropy, [golden.breakdown?.batch_entropy ?? 0], tolerances.float32);
        await expectSame(lfq.decode(lfq.encode(x)), lfq.quantize(x).quantized);
        const [dx] = grads((z: Tensor) => {
          const q = lfq.quantize(z, call).quantized;
          return sum(mul(q, reshape(linspace(-1, 1, q.size), q.shape)));
        })([x]);
        if (mask === undefined) await expectClose(dx as Tensor, golden.grad_x_of_quantized.data, tolerances.float32);
        const [dl] = grads((z: Tensor) => lfq.quantize(z, call).loss)([x]);
        await expectClose(dl as Tensor, golden.grad_x_of_loss_sum?.data ?? [], tolerances.float32);
        lfq.dispose();
      });
    }
  });
});
