import {
  add,
  engine,
  mul,
  type Scalar,
  slice,
  sub,
  sum,
  type Tensor,
  tensor,
  tidy,
  unstack,
  zeros,
} from '@tensorflow/tfjs-core';
import { createRng, OptionError, type Quantizer, ShapeError } from '@vqkit/core-tensor';
import { createFsq } from '@vqkit/fsq';
import { createLfq } from '@vqkit/lfq';
import { createSimVq } from '@vqkit/simvq';
import { eachEngine, expectClose, expectIdentical, expectSame, spreadIt, tolerances } from '@vqkit/testing';
import { createVq } from '@vqkit/vq';
import { describe, expect, it } from 'vitest';
import { createResidual, type Residual, type ResidualOptions } from '../src/index.ts';

const dim = 4;
const lfqs = (count = 3): Quantizer[] =>
  Array.from({ length: count }, (_, j) => createLfq({ dim, codebookScale: 2 ** -j }));
const stackOf = (options: Partial<ResidualOptions> = {}): Residual => createResidual({ layers: lfqs(), ...options });
const latents = (shape: number[], seed = 1): Tensor =>
  tensor(
    createRng(seed).normalArray(
      shape.reduce((a, b) => a * b),
      1,
    ),
    shape,
  );

function gradient(f: (x: Tensor) => Tensor, x: Tensor): Tensor {
  return tidy(() => engine().gradients(() => sum(f(x)) as Scalar, [x]).grads[0] as Tensor);
}

eachEngine((engineName) => {
  const it = spreadIt(engineName);
  describe('createResidual', () => {
    it('is the greedy chain of its layers, each on what is left over', async () => {
      const layers = [
        createSimVq({ dim, codebookSize: 7 }),
        createFsq({ levels: [5, 5, 5, 5] }),
        createLfq({ dim, codebookScale: 0.1 }),
      ];
      const stack = createResidual({ layers });
      const z = latents([3, 5, dim]);
      const { quantized, indices } = stack.quantize(z);
      let residual = z;
      let total: Tensor = zeros(z.shape);
      const columns = unstack(indices, 2);
      for (const [j, layer] of layers.entries()) {
        const own = layer.quantize(residual);
        await expectIdentical(columns[j] as Tensor, own.indices);
        residual = sub(residual, own.quantized);
        total = add(total, own.quantized);
      }
      await expectSame(quantized, total);
      stack.dispose();
    });

    it('divides by the scales and multiplies the codes', async () => {
      const scaled = createResidual({
        layers: [createLfq({ dim }), createLfq({ dim }), createLfq({ dim })],
        scales: [1, 0.5, [0.25, 0.25, 0.25, 0.25]],
      });
      const plain = stackOf();
      const z = latents([50, dim]);
      await expectIdentical(scaled.encode(z), plain.encode(z));
      await expectIdentical(scaled.quantize(z).quantized, plain.quantize(z).quantized);
      await expectIdentical(scaled.decode(plain.encode(z)), plain.quantize(z).quantized);
      const features = createResidual({ layers: [createLfq({ dim })], scales: [[1, 2, 3, 4]] });
      await expectSame(features.quantize(tensor([[1, -1, 1, 0]])).quantized, [1, -2, 3, -4]);
      for (const each of [scaled, plain, features]) each.dispose();
    });

    it('decodes the first layers, from all indices or from theirs', async () => {
      const stack = createResidual({
        layers: [createLfq({ dim, codebookSize: 4, numCodebooks: 2 }), ...lfqs().slice(1)],
      });
      const z = latents([2, 6, dim]);
      const all = stack.encode(z);
      for (const layers of [1, 2, 3]) {
        const { quantized, indices } = stack.quantize(z, { layers });
        await expectIdentical(stack.decode(all, { layers }), quantized);
        await expectIdentical(stack.decode(slice(all, [0, 0, 0], [-1, -1, layers + 1]), { layers }), quantized);
        const ids = await all.data();
        await expectSame(
          indices,
          Array.from(ids, (id, i) => (i % 4 <= layers ? id : -1)),
        );
      }
      stack.dispose();
    });

    it('gives the codes of every layer, whose sum is the whole', async () => {
      for (const dataFormat of ['channelsLast', 'channelsFirst'] as const) {
        const stack = stackOf({ dataFormat, quantizeDropout: true });
        const z = latents([2, dim, dim, dim]);
        const indices = stack.encode(z);
        const codes = stack.decodeLayers(indices);
        expect(codes.shape).toEqual([3, ...z.shape]);
        const [first, second, third] = unstack(codes) as [Tensor, Tensor, Tensor];
        await expectSame(add(add(first, second), third), stack.decode(indices));
        await expectIdentical(first, stack.decode(indices, { layers: 1 }));
        const dropped = stack.decodeLayers(stack.quantize(z, { layers: 2 }).indices);
        await expectSame(unstack(dropped)[2] as Tensor, new Array(z.size).fill(0));
        expect(stack.decodeLayers(zeros([0, 2, 3], 'int32')).shape).toEqual(
          dataFormat === 'channelsLast' ? [3, 0, 2, dim] : [3, 0, dim, 2],
        );
        stack.dispose();
      }
    });

    it('decodes -1 in the last layers with dropout, and nothing else that is not a token', async () => {
      const ids = [3, 5, 7, 3, 5, -1, 3, -1, -1, -1, -1, -1, 3, -1, 7, -1, 5, 7, -1, -1, 7, 3, 16, 7, 3, 5, -2];
      const indices = tensor(ids, [9, 3], 'int32');
      for (const quantizeDropout of [true, false]) {
        const stack = stackOf({ quantizeDropout });
        const decoded = await stack.decode(indices).data();
        const rows = Array.from({ length: 9 }, (_, n) => Array.from(decoded.subarray(n * dim, (n + 1) * dim)));
        const codes = await stack.decode(tensor([3, 5, 7], [1, 3], 'int32')).data();
        const two = await stack.decode(tensor([3, 5, 7], [1, 3], 'int32'), { layers: 2 }).data();
        const one = await stack.decode(tensor([3, 5, 7], [1, 3], 'int32'), { layers: 1 }).data();
        const nothing = new Array(dim).fill(Number.NaN);
        expect(rows[0]).toEqual(Array.from(codes));
        expect(rows[1]).toEqual(quantizeDropout ? Array.from(two) : nothing);
        expect(rows[2]).toEqual(quantizeDropout ? Array.from(one) : nothing);
        expect(rows[3]).toEqual([0, 0, 0, 0]);
        for (const row of rows.slice(4)) expect(row).toEqual(nothing);
        stack.dispose();
      }
    });

    it('passes the gradient once, or once per layer', async () => {
      for (const count of [1, 2, 4, 8]) {
        const z = latents([5, dim]);
        const once = createResidual({ layers: lfqs(count) });
        const perLayer = createResidual({ layers: lfqs(count), gradient: 'perLayer' });
        for (const training of [true, false]) {
          await expectSame(
            gradient((x) => once.quantize(x, { training }).quantized, z),
            new Array(z.size).fill(1),
          );
          await expectSame(
            gradient((x) => perLayer.quantize(x, { training }).quantized, z),
            new Array(z.size).fill(count),
          );
        }
        once.dispose();
        perLayer.dispose();
      }
    });

    it('trains the projections of a layer through `quantized`, as the layer alone would on its residual', async () => {
      const layer = createLfq({ dim, codebookSize: 4, entropyLossWeight: 0 });
      const alone = createLfq({ dim, codebookSize: 4, entropyLossWeight: 0 });
      const first = createLfq({ dim, codebookSize: 2 ** dim });
      const stack = createResidual({ layers: [first, layer] });
      const z = latents([7, dim]);
      const weights = latents([7, dim], 2);
      const residual = sub(z, first.quantize(z).quantized);
      for (const training of [true, false]) {
        const inStack = Object.values(layer.variables());
        const { grads } = engine().gradients(
          () => sum(mul(stack.quantize(z, { training }).quantized, weights)) as Scalar,
          inStack,
        );
        const onItsOwn = Object.values(alone.variables());
        const expected = engine().gradients(
          () => sum(mul(alone.quantize(residual).quantized, weights)) as Scalar,
          onItsOwn,
        );
        for (const [i, own] of grads.entries()) await expectClose(own, expected.grads[i] as Tensor, tolerances.float32);
      }
      stack.dispose();
      alone.dispose();
    });

    it('trains them by the codes that training emits: with the noise of the call, before its moving averages', async () => {
      const fsq = { levels: [4, 5], dim, preserveSymmetry: true, noiseDropout: 1 };
      const vq = { dim, codebookSize: 6, codebookDim: 2, decay: 0.1 };
      for (const layer of [() => createFsq(fsq), () => createVq(vq)] as (() => Quantizer)[]) {
        const [alone, inStack] = [layer(), layer()];
        const stack = createResidual({ layers: [inStack] });
        alone.rng.restore(stack.rng.fork('layer0').state());
        const z = latents([7, dim]);
        const weights = latents([7, dim], 2);
        const gradients = (q: Quantizer, variables: Quantizer): (Tensor | null)[] =>
          engine().gradients(
            () => sum(mul(q.quantize(z, { training: true }).quantized, weights)) as Scalar,
            Object.values(variables.variables()),
            undefined,
            true,
          ).grads;
        const expected = gradients(alone, alone);
        for (const [i, own] of gradients(stack, inStack).entries()) {
          await expectClose(own as Tensor, expected[i] as Tensor, tolerances.float32);
        }
        stack.dispose();
        alone.dispose();
      }
    });

    it('names the losses of every layer and sums them up', async () => {
      const layers = [
        createSimVq({ dim, codebookSize: 7 }),
        createSimVq({ dim, codebookSize: 5, seed: 1 }),
        createLfq({ dim, commitmentLossWeight: 1 }),
      ];
      const stack = createResidual({ layers });
      const z = latents([2, 9, dim]);
      const { loss, losses } = stack.quantize(z, { training: true });
      expect(Object.keys(losses)).toEqual([
        ...['commitment', 'codebook', 'perSampleEntropy', 'codebookEntropy', 'unitNorm'],
        ...['layer0.commitment', 'layer0.codebook', 'layer1.commitment', 'layer1.codebook'],
        ...['layer2.perSampleEntropy', 'layer2.codebookEntropy', 'layer2.commitment', 'layer2.unitNorm'],
      ]);
      let residual = z;
      let total: Tensor = zeros([]);
      for (const [j, layer] of layers.entries()) {
        const own = layer.quantize(residual, { training: true });
        for (const [name, value] of Object.entries(own.losses))
          await expectIdentical(losses[`layer${j}.${name}`] as Tensor, value);
        total = add(total, own.loss);
        residual = sub(residual, own.quantized);
      }
      await expectClose(loss, total, tolerances.float32);
      const parts = ['layer0', 'layer1', 'layer2'].map((name) => losses[`${name}.commitment`] as Tensor);
      await expectClose(
        losses.commitment as Tensor,
        add(add(parts[0] as Tensor, parts[1] as Tensor), parts[2] as Tensor),
        tolerances.float32,
      );
      const inference = stack.quantize(z);
      expect(Object.keys(inference.losses)).toEqual(Object.keys(losses));
      stack.dispose();
    });

    it('shares a quantizer that stands in it several times', async () => {
      const shared = createSimVq({ dim, codebookSize: 9 });
      const stack = createResidual({ layers: [shared, shared, shared] });
      const state = stack.stateDict();
      expect(Object.keys(state)).toEqual(['layers.0.frozen_codebook', 'layers.0.code_transform.weight']);
      expect(Object.keys(stack.variables())).toEqual(['layers.0.code_transform.weight']);
      // The reference library repeats them under every layer.
      const repeated = Object.entries(state).flatMap(([name, value]) =>
        [0, 1, 2].map((j): [string, Tensor] => [name.replace('layers.0', `layers.${j}`), value]),
      );
      stack.loadStateDict(Object.fromEntries(repeated));
      const z = latents([8, dim]);
      await expectIdentical(stack.decode(stack.encode(z)), stack.quantize(z, { training: true }).quantized);
      stack.dispose();
      expect(() => shared.encode(z)).toThrow(/disposed/);
    });

    it('says in which layer a state is wrong, and changes nothing then', async () => {
      const make = (seed: number): Residual =>
        createResidual({
          layers: [createSimVq({ dim, codebookSize: 5, seed }), createSimVq({ dim, codebookSize: 6, seed })],
        });
      const [stack, other] = [make(1), make(2)];
      const before = stack.stateDict();
      const bad = { ...other.stateDict(), 'layers.1.frozen_codebook': zeros([5, dim]) };
      expect(() => stack.loadStateDict(bad)).toThrow(ShapeError);
      expect(() => stack.loadStateDict(bad)).toThrow(
        /createResidual\(\)\.loadStateDict: in 'layers\.1\.\*': createSimVq.+frozen_codebook/,
      );
      for (const [name, value] of Object.entries(stack.stateDict()))
        await expectIdentical(value, before[name] as Tensor);
      stack.dispose();
      other.dispose();
    });
  });
});

describe('bad input of createResidual', () => {
  const fails = (options: unknown, text: RegExp): void => {
    expect(() => createResidual(options as ResidualOptions)).toThrow(OptionError);
    expect(() => createResidual(options as ResidualOptions)).toThrow(text);
  };

  it('names the option, the rule, the value and the fix', () => {
    const layers = lfqs();
    fails({ layers: [] }, /^createResidual: layers must be a list of at least one quantizer, got \[\]\. Pass /);
    fails({}, /layers must be a list of at least one quantizer, got undefined/);
    fails({ layers: [createLfq({ dim }), 3] }, /layers\[1\] must be a quantizer, got 3\. Make one/);
    fails(
      { layers: [createLfq({ dim }), createLfq({ dim: 5 })] },
      /layers\[1\] must be 4 features wide as layers\[0\] is, got 5\. Create it with dim: 4\./,
    );
    fails({ layers, scales: [1] }, /scales must be a list of 3, one per layer, got \[1\]/);
    fails({ layers, scales: [1, 0, 1] }, /scales\[1\] must be a finite number > 0, got 0/);
    fails(
      { layers, scales: [1, [1, 2], 1] },
      /scales\[1\] must be a number > 0 or a list of 4, one per feature, got \[1,2\]/,
    );
    fails({ layers, scales: [1, [1, 1, 1, -1], 1] }, /scales\[1\]\[3\] must be a finite number > 0, got -1/);
    fails({ layers, gradient: 'straight' }, /gradient must be one of 'identity', 'perLayer', got "straight"/);
    fails({ layers, quantizeDropout: 0.5 }, /quantizeDropout must be true or false, got 0\.5/);
    fails(
      { layers, quantizeDropoutCutoffIndex: -1 },
      /quantizeDropoutCutoffIndex must be an integer from 0 to 2, got -1\. Use 0 or more/,
    );
    fails(
      { layers, quantizeDropoutCutoffIndex: 3 },
      /quantizeDropoutCutoffIndex must be an integer from 0 to 2, got 3\. Use 2 or less/,
    );
    fails({ layers, quantizeDropoutMultipleOf: 0 }, /quantizeDropoutMultipleOf must be an integer from 1 to 3, got 0/);
    fails({ layers, quantizeDropoutMultipleOf: 4 }, /quantizeDropoutMultipleOf must be an integer from 1 to 3, got 4/);
    fails({ layers, dataFormat: 'NCHW' }, /dataFormat must be one of/);
    fails({ layers, seed: -1 }, /seed must be an integer from 0/);
    fails({ layers, layer: 1 }, /options must have no 'layer', got 1\. Known options: .*layers/);
  });

  it('refuses indices with the wrong trailing axis, and too many or too few layers', () => {
    const stack = stackOf();
    const indices = zeros([2, 3, 2], 'int32');
    expect(() => stack.decode(indices)).toThrow(ShapeError);
    expect(() => stack.decode(indices)).toThrow(
      /^createResidual\(\)\.decode: indices must end in an axis of 3 codebooks, got shape \[2,3,2\]\. Pass \{ layers: 2 \} to decode the first 2\.$/,
    );
    expect(() => stack.decode(zeros([2, 4], 'int32'))).toThrow(
      /axis of 3 codebooks, got shape \[2,4\]\. Pass what encode\(\) returned/,
    );
    expect(() => stack.decode(indices, { layers: 1 })).toThrow(
      /axis of 1 or 3 codebooks, got shape \[2,3,2\]\. Pass \{ layers: 2 \}/,
    );
    for (const layers of [0, 4, 1.5])
      expect(() => stack.decode(indices, { layers })).toThrow(/decode: layers must be an integer from 1 to 3, got/);
    for (const layers of [0, 4, 1.5])
      expect(() => stack.quantize(zeros([2, dim]), { layers })).toThrow(
        /quantize: layers must be an integer from 1 to 3, got/,
      );
    expect(() => stack.decode(indices, { layer: 1 } as object)).toThrow(/decode: options must have no 'layer'/);
    expect(() => stack.decodeLayers(indices)).toThrow(/decodeLayers: indices must end in an axis of 3/);
    stack.dispose();
    expect(() => stack.decodeLayers(indices)).toThrow(
      /createResidual\(\)\.decodeLayers: the quantizer must not be disposed/,
    );
  });
});
