import { add, dispose, mul, type Tensor, tensor, tidy, train, type Variable } from '@tensorflow/tfjs-core';
import { ownedVariable } from '@vqkit/core-tensor';
import { eachEngine, expectClose, expectIdentical, expectSame, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { type Activation, type CodebookTransform, createSimVq } from '../src/index.ts';
import { codebook64 } from './float64.ts';
import { differences, normal, parameterGradients, TRAIN } from './tokens.ts';

/** In float64; Φ by the trapezoid rule on the density, 1e-9 accurate for |x| < 3. */
const ACTIVATIONS: Record<Activation, (x: number) => number> = {
  relu: (x) => Math.max(x, 0),
  gelu: (x) => {
    const steps = 4000;
    const density = (t: number): number => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
    let area = (density(0) + density(x)) / 2;
    for (let i = 1; i < steps; i++) area += density((x * i) / steps);
    return x * (0.5 + (area * x) / steps);
  },
  silu: (x) => x / (1 + Math.exp(-x)),
  tanh: Math.tanh,
};

eachEngine(() => {
  describe('an MLP as the codebook transform', () => {
    for (const [activation, f] of Object.entries(ACTIVATIONS)) {
      it(`has linear layers with ${activation} between them, under the names of nn.Sequential`, async () => {
        const simvq = createSimVq({
          dim: 3,
          codebookSize: 10,
          frozenCodebookDim: 5,
          codebookTransform: { hidden: [6, 7], activation: activation as Activation },
        });
        const shapes = Object.entries(simvq.stateDict()).map(([name, value]) => [name, value.shape]);
        expect(Object.fromEntries(shapes)).toEqual({
          frozen_codebook: [10, 5],
          'code_transform.0.weight': [6, 5],
          'code_transform.0.bias': [6],
          'code_transform.2.weight': [7, 6],
          'code_transform.2.bias': [7],
          'code_transform.4.weight': [3, 7],
          'code_transform.4.bias': [3],
        });
        const codes = simvq.decode(tensor(Int32Array.from({ length: 10 }, (_, i) => i)));
        const expected = (await codebook64(simvq, f)).flatMap((code) => [...code]);
        await expectClose(codes, expected, tolerances.float32);
        simvq.dispose();
      });
    }
  });

  describe('a transform of one’s own', () => {
    /** c = f · scale + fixed, element by element. */
    function scaled(): CodebookTransform {
      const scale = ownedVariable(Float32Array.of(1, 2, 3), [3], true);
      const fixed = ownedVariable(Float32Array.of(0.5, 0, -0.5), [3], false);
      return {
        apply: (codes) => add(mul(codes, scale), fixed),
        parameters: [
          { name: 'scale', variable: scale, trainable: true },
          { name: 'fixed', variable: fixed, trainable: false },
        ],
      };
    }

    it('trains, is saved under code_transform. and is freed with the quantizer', async () => {
      const codebookTransform = scaled();
      const simvq = createSimVq({ dim: 3, codebookSize: 9, codebookTransform });
      expect(simvq.config.codebookTransform).toBe('custom');
      expect(Object.keys(simvq.variables())).toEqual(['code_transform.scale']);
      const state = simvq.stateDict();
      expect(Object.keys(state)).toEqual(['frozen_codebook', 'code_transform.scale', 'code_transform.fixed']);
      const x = normal(8, 3, 15);
      const { quantized, indices } = simvq.quantize(x);
      await expectIdentical(simvq.decode(indices), quantized);
      await expectIdentical(simvq.quantize(x, TRAIN).quantized, quantized);
      const loss = (): Tensor => simvq.quantize(x, TRAIN).losses.codebook;
      const gradient = parameterGradients(simvq, loss)['code_transform.scale'] as Tensor;
      const scale = simvq.variables()['code_transform.scale'] as Variable;
      await expectClose(gradient, await differences(scale, loss, 1e-3), tolerances.finiteDifference);
      tidy(() => scale.assign(tensor([0, 0, 0])));
      await expectSame(simvq.decode(tensor([4], [1], 'int32')), [0.5, 0, -0.5]);
      simvq.dispose();
      expect(codebookTransform.parameters.every(({ variable }) => variable.isDisposed)).toBe(true);
      dispose(state);
    });

    it('may be the identity', async () => {
      const simvq = createSimVq({
        dim: 3,
        codebookSize: 9,
        trainCodebook: true,
        codebookTransform: { apply: (codes) => codes, parameters: [] },
      });
      const frozen = simvq.stateDict().frozen_codebook as Tensor;
      await expectSame(simvq.decode(tensor(Int32Array.from({ length: 9 }, (_, i) => i))), frozen);
      const optimizer = train.sgd(0.1);
      optimizer.minimize(() => simvq.quantize(normal(20, 3, 16), TRAIN).loss, false, Object.values(simvq.variables()));
      const moved = simvq.stateDict().frozen_codebook as Tensor;
      await expectSame(simvq.decode(tensor(Int32Array.from({ length: 9 }, (_, i) => i))), moved);
      simvq.dispose();
      optimizer.dispose();
    });
  });
});
