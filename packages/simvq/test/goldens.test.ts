import {
  grads,
  linspace,
  mul,
  reshape,
  type Scalar,
  sum,
  type Tensor,
  transpose,
  type Variable,
  variableGrads,
} from '@tensorflow/tfjs-core';
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
import { createSimVq, type SimVq, type SimVqOptions } from '../src/index.ts';

function fromGolden(golden: Golden): SimVq {
  const options = camelCaseOptions(golden, false);
  // The goldens name an MLP by the widths of all its layers; the first ones by its modules.
  const widths = options.codebookTransform === 'Linear-ReLU-Linear' ? [4, 8, 4] : options.codebookTransform;
  if (Array.isArray(widths)) options.codebookTransform = { hidden: widths.slice(1, -1) };
  const simvq = createSimVq(options as unknown as SimVqOptions);
  simvq.loadStateDict(Object.fromEntries(Object.entries(golden.state).map(([k, v]) => [k, goldenTensor(v)])));
  return simvq;
}

eachEngine(() => {
  describe('SimVQ against vector-quantize-pytorch', () => {
    for (const [i, golden] of goldenCases('SimVQ').entries()) {
      it(`golden ${i}: ${JSON.stringify(golden.config)}`, async () => {
        const simvq = fromGolden(golden);
        const x = goldenTensor(golden.x);
        const { quantized, indices, loss } = simvq.quantize(x, { training: true });
        expect(indices.shape).toEqual(golden.indices.shape);
        await expectSame(indices, golden.indices.data);
        await expectClose(quantized, golden.quantized.data, tolerances.float32);
        await expectClose(loss, golden.loss?.data ?? [], tolerances.float32);
        await expectSame(simvq.decode(indices), quantized);

        const upstream = reshape(linspace(-1, 1, quantized.size), quantized.shape);
        const [dQuantized] = grads((z: Tensor) => sum(mul(simvq.quantize(z).quantized, upstream)))([x]);
        await expectClose(dQuantized as Tensor, golden.grad_x_of_quantized.data, tolerances.float32);
        const [dLoss] = grads((z: Tensor) => simvq.quantize(z, { training: true }).loss)([x]);
        await expectClose(dLoss as Tensor, golden.grad_x_of_loss_sum?.data ?? [], tolerances.float32);

        const { grads: byVariable } = variableGrads(
          () => simvq.quantize(x, { training: true }).loss as Scalar,
          Object.values(simvq.variables()),
        );
        const expected = golden.grad_parameters_of_loss_sum ?? {};
        expect(Object.keys(simvq.variables()).sort()).toEqual(Object.keys(expected).sort());
        for (const [name, variable] of Object.entries(simvq.variables())) {
          const grad = byVariable[(variable as Variable).name] as Tensor;
          // Held as [in, out], PyTorch's is [out, in].
          const theirs = goldenTensor(expected[name] as NonNullable<typeof golden.loss>);
          const inOurLayout = theirs.rank === 2 ? transpose(theirs) : theirs;
          await expectClose(grad, inOurLayout, tolerances.float32);
        }
        simvq.dispose();
      });
    }
  });
});
