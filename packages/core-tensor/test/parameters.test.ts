import { matMul, memory, type Tensor, tensor2d, tidy, transpose, zeros } from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, expectIdentical, tolerances } from '@vqkit/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createParameterSet,
  createRng,
  DtypeError,
  OptionError,
  ownedVariable,
  type ParameterSet,
  type QuantizerError,
  randomOrthogonal,
  ShapeError,
} from '../src/index.ts';
import { type TestLinear, testLinear } from './linear.ts';

eachEngine(() => {
  let before: number;
  beforeEach(() => {
    before = memory().numTensors;
  });
  afterEach(() => {
    expect(memory().numTensors, 'tensors that outlive the test').toBe(before);
  });

  describe('createParameterSet', () => {
    const make = (seed = 1): { set: ParameterSet; layer: TestLinear } => {
      const layer = testLinear(3, 2, createRng(seed));
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
      const cases: [unknown, typeof QuantizerError, string][] = [
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
          "createX().loadStateDict: 'project_in.bias' must have shape [2], got shape [3]. Load",
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
