import { engine, matMul, memory, sum, type Tensor, tensor2d, tidy, transpose, zeros } from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, expectIdentical, tolerances } from '@vqkit/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createLinear,
  createParameterSet,
  createRng,
  DtypeError,
  type Linear,
  OptionError,
  ownedVariable,
  type ParameterSet,
  randomOrthogonal,
  ShapeError,
} from '../src/index.ts';

const linear = (seed = 1, bias = true): Linear =>
  createLinear({ name: 'project_in', inputDim: 3, outputDim: 2, bias, rng: createRng(seed) });

eachEngine(() => {
  let before: number;
  beforeEach(() => {
    before = memory().numTensors;
  });
  afterEach(() => {
    expect(memory().numTensors, 'tensors that outlive the test').toBe(before);
  });

  describe('createLinear', () => {
    it('is x W + b, and differentiable in all three', async () => {
      const layer = linear();
      const x = tensor2d([
        [1, 2, 3],
        [-1, 0, 4],
      ]);
      const [w, b] = [await layer.weight.data(), (await layer.bias?.data()) ?? []];
      const xs = [1, 2, 3, -1, 0, 4];
      const expected = [0, 1, 2, 3].map((i) => {
        const [row, column] = [Math.floor(i / 2), i % 2];
        return [0, 1, 2].reduce(
          (total, k) => total + (xs[row * 3 + k] as number) * (w[k * 2 + column] as number),
          b[column] as number,
        );
      });
      const y = layer.apply(x);
      await expectClose(y, expected, tolerances.float32);
      const inputs = [x, layer.weight, layer.bias as Tensor];
      const { value, grads } = engine().gradients(() => sum(layer.apply(x)) as Tensor, inputs);
      const [dx, dw, db] = grads;
      await expectClose(
        dx as Tensor,
        [0, 1, 2, 0, 1, 2].map((k) => (w[k * 2] as number) + (w[k * 2 + 1] as number)),
        tolerances.float32,
      );
      await expectClose(dw as Tensor, [0, 0, 2, 2, 7, 7], tolerances.float32);
      await expectClose(db as Tensor, [2, 2], tolerances.float32);
      for (const t of [x, y, value, dx, dw, db, layer.weight, layer.bias]) t?.dispose();
    });

    it('starts as PyTorch does: uniform in ±1/√inputDim, from the generator alone', async () => {
      const layer = createLinear({ name: 'l', inputDim: 100, outputDim: 200, bias: true, rng: createRng(3) });
      const w = (await layer.weight.data()) as Float32Array;
      const b = (await layer.bias?.data()) as Float32Array;
      for (const values of [w, b]) {
        expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.1);
        expect(Math.max(...values.map(Math.abs))).toBeGreaterThan(0.095);
      }
      const variance = w.reduce((total, value) => total + value * value, 0) / w.length;
      expect(variance).toBeGreaterThan((0.97 * 0.01) / 3);
      expect(variance).toBeLessThan((1.03 * 0.01) / 3);
      const rng = createRng(3);
      await expectIdentical(layer.weight, rng.uniformArray(20_000, -0.1, 0.1));
      await expectIdentical(b, rng.uniformArray(200, -0.1, 0.1));
      layer.weight.dispose();
      layer.bias?.dispose();
    });

    it('has no bias when it is told so', () => {
      const layer = linear(1, false);
      expect(layer.bias).toBeUndefined();
      expect(layer.parameters.map((p) => p.name)).toEqual(['project_in.weight']);
      layer.weight.dispose();
    });
  });

  describe('createParameterSet', () => {
    const make = (seed = 1): { set: ParameterSet; layer: Linear } => {
      const layer = linear(seed);
      const rotation = ownedVariable(randomOrthogonal(createRng(seed), 2), [2, 2], false);
      const fixed = { name: 'orthogonal_rot', variable: rotation, trainable: false };
      return { set: createParameterSet('createX', [...layer.parameters, fixed], ['mask']), layer };
    };
    const disposeAll = (tensors: Record<string, Tensor>): void => {
      for (const t of Object.values(tensors)) t.dispose();
    };

    it('trains the trainable ones and saves all of them, linear weights as PyTorch has them', async () => {
      const { set, layer } = make();
      expect(Object.keys(set.variables())).toEqual(['project_in.weight', 'project_in.bias']);
      const state = set.stateDict();
      expect(Object.entries(state).map(([name, t]) => [name, t.shape])).toEqual([
        ['project_in.weight', [2, 3]],
        ['project_in.bias', [2]],
        ['orthogonal_rot', [2, 2]],
      ]);
      const turned = transpose(layer.weight);
      await expectIdentical(state['project_in.weight'] as Tensor, turned);
      turned.dispose();
      disposeAll(state);
      set.dispose();
    });

    it('loads what it saved, and ignores the keys that are derived', async () => {
      const [a, b] = [make(1), make(2)];
      const state = a.set.stateDict();
      const mask = zeros([8], 'int32');
      b.set.loadStateDict({ ...state, mask });
      await expectIdentical(b.layer.weight, a.layer.weight);
      await expectIdentical(b.layer.bias as Tensor, a.layer.bias as Tensor);
      // The copy is its own: what happens to the source later does not show.
      const expected = await a.layer.weight.data();
      a.set.dispose();
      disposeAll(state);
      await expectIdentical(b.layer.weight, expected);
      mask.dispose();
      b.set.dispose();
    });

    it('refuses wrong keys, kinds, dtypes and shapes with a message, and changes nothing', async () => {
      const [a, b] = [make(1), make(2)];
      const state = b.set.stateDict();
      const { 'project_in.bias': bias, ...withoutBias } = state;
      const [ints, wide] = [zeros([2], 'int32'), zeros([3])];
      const kept = await a.layer.weight.data();
      const keys = '["project_in.weight","project_in.bias","orthogonal_rot"]';
      const cases: [unknown, new () => Error, string][] = [
        [
          withoutBias,
          OptionError,
          `createX().loadStateDict: tensors must be an object with exactly the keys ${keys}, got ["project_in.weight","orthogonal_rot"]. Missing ["project_in.bias"], unknown []`,
        ],
        [{ ...state, extra: ints }, OptionError, 'Missing [], unknown ["extra"]'],
        [{}, OptionError, 'got []. Missing'],
        [null, OptionError, 'got null. Missing'],
        ['state', OptionError, 'got "state". Missing'],
        [
          { ...withoutBias, 'project_in.bias': [1, 2] },
          OptionError,
          "createX().loadStateDict: 'project_in.bias' must be a tensor, got [1,2].",
        ],
        [
          { ...withoutBias, 'project_in.bias': ints },
          DtypeError,
          "createX().loadStateDict: 'project_in.bias' must be float32, got int32. Cast",
        ],
        [
          { ...withoutBias, 'project_in.bias': wide },
          ShapeError,
          "createX().loadStateDict: 'project_in.bias' must have shape [2], got [3]. Load",
        ],
      ];
      for (const [tensors, errorClass, message] of cases) {
        const load = (): void => a.set.loadStateDict(tensors as Record<string, Tensor>);
        expect(load).toThrow(errorClass);
        expect(load).toThrow(message);
        await expectIdentical(a.layer.weight, kept);
      }
      for (const t of [bias, ints, wide]) t?.dispose();
      disposeAll(withoutBias);
      a.set.dispose();
      b.set.dispose();
    });
  });

  it('ownedVariable leaves one tensor, also inside tidy, also without elements', async () => {
    const made = tidy(() => [
      ownedVariable(Float32Array.of(1, 2), [2], true),
      ownedVariable(new Float32Array(0), [0, 3], false),
    ]) as Tensor[];
    expect(memory().numTensors).toBe(before + 2);
    await expectIdentical(made[0] as Tensor, [1, 2]);
    expect(made[1]?.shape).toEqual([0, 3]);
    for (const variable of made) variable.dispose();
  });

  describe('randomOrthogonal', () => {
    it('is orthogonal to float32 precision', async () => {
      for (const dim of [1, 2, 5, 32]) {
        const r = tensor2d(randomOrthogonal(createRng(dim), dim), [dim, dim]);
        const product = matMul(r, r, false, true);
        const identity = Array.from({ length: dim * dim }, (_, i) => (i % (dim + 1) === 0 ? 1 : 0));
        await expectClose(product, identity, tolerances.float32);
        r.dispose();
        product.dispose();
      }
    });

    it('prefers no direction: its elements have mean 0 and variance 1/dim', () => {
      const dim = 4;
      const rng = createRng(5);
      const values = Array.from({ length: 2000 }, () => [...randomOrthogonal(rng, dim)]);
      for (let i = 0; i < dim * dim; i++) {
        const mean = values.reduce((total, r) => total + (r[i] as number), 0) / values.length;
        const variance = values.reduce((total, r) => total + (r[i] as number) ** 2, 0) / values.length;
        expect(Math.abs(mean)).toBeLessThan(5 * Math.sqrt(1 / dim / values.length));
        expect(Math.abs(variance - 1 / dim)).toBeLessThan(0.04);
      }
    });
  });
});
