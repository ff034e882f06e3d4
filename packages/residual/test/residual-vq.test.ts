import { square, sub, sum, type Tensor, tensor, tidy, zeros } from '@tensorflow/tfjs-core';
import { createRng, OptionError, type Quantizer, ShapeError } from '@vqkit/core-tensor';
import { describeQuantizer, eachEngine, expectIdentical, spreadIt, trainingIt } from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGrouped, createResidualVq, type Grouped, type ResidualVqOptions } from '../src/index.ts';

const gradient = fc.constantFrom('identity' as const, 'perLayer' as const);

describeQuantizer<ResidualVqOptions>('Residual VQ', {
  create: createResidualVq,
  variants: {
    projected: { dim: 5, codebookSize: 9, codebookDim: 3, numQuantizers: 3 },
    'of different sizes, cosine, per layer': {
      ...{ dim: 4, codebookSize: [7, 5, 3], useCosineSim: true, gradient: 'perLayer' },
      thresholdEmaDeadCode: 1,
    },
    learnable: { dim: 4, codebookSize: 6, numQuantizers: 2, learnableCodebook: true, rotationTrick: false },
  },
  random: fc.record({
    dim: fc.integer({ min: 1, max: 5 }),
    codebookSize: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant([4, 2])),
    numQuantizers: fc.constant(2),
    codebookDim: fc.integer({ min: 1, max: 5 }),
    gradient,
    useCosineSim: fc.boolean(),
    learnableCodebook: fc.boolean(),
  }),
  straightThrough: ['learnable'],
});

eachEngine((engine) => {
  const it = spreadIt(engine);
  describe('residual VQ', () => {
    trainingIt(engine)('learns from what every layer sees, and the error falls with every layer', async () => {
      const stack = createResidualVq({ dim: 4, codebookSize: 16, numQuantizers: 4, kmeansInit: true });
      const z = tensor(createRng(3).normalArray(2000, 1), [500, 4]);
      for (let step = 0; step < 10; step++) {
        tidy(() => {
          stack.quantize(z, { training: true });
        });
      }
      const indices = stack.encode(z);
      const errors: number[] = [];
      for (const layers of [1, 2, 3, 4]) {
        const [error] = await tidy(() => sum(square(sub(stack.decode(indices, { layers }), z)))).data();
        errors.push(error as number);
      }
      // A layer of 16 codes in 4 dimensions leaves at most about a half of a normal distribution's variance.
      for (let j = 1; j < 4; j++) expect(errors[j]).toBeLessThan(0.7 * (errors[j - 1] as number));
      stack.dispose();
    });

    it('keeps the tokens that k-means waits for when a state does not load, and hands them on', async () => {
      const make = (seed: number): Grouped => {
        const group = (): Quantizer =>
          createResidualVq({ dim: 2, codebookSize: 12, numQuantizers: 2, kmeansInit: true, seed });
        return createGrouped({ groups: [group(), group()], seed });
      };
      const [whole, resumed] = [make(1), make(2)];
      const batch = (step: number): Tensor => tensor(createRng(step).normalArray(20, 1), [5, 4]);
      for (const each of [whole, resumed]) each.quantize(batch(each === whole ? 0 : 9), { training: true });
      const gathered = whole.trainingState();
      expect(Object.keys(gathered)).toEqual(
        ['groups.0.layers.0', 'groups.0.layers.1', 'groups.1.layers.0', 'groups.1.layers.1'].flatMap((member) => [
          `${member}.kmeans.0.tokens`,
          `${member}.kmeans.0.weights`,
        ]),
      );
      const bad = { ...resumed.stateDict(), 'groups.1.layers.1._codebook.embed': zeros([1, 3, 2]) };
      expect(() => whole.loadStateDict(bad)).toThrow(ShapeError);
      expect(() => whole.loadTrainingState({ ...gathered, 'groups.1.layers.1.kmeans.0.weights': zeros([3]) })).toThrow(
        /loadTrainingState: in 'groups\.1\.\*': .+must have shape/,
      );
      resumed.loadStateDict(whole.stateDict());
      resumed.loadTrainingState(gathered);
      resumed.rng.restore(whole.rng.state());
      for (let step = 1; step < 4; step++) {
        const [a, b] = [whole, resumed].map((each) => each.quantize(batch(step), { training: true }));
        await expectIdentical(a?.indices as Tensor, b?.indices as Tensor);
        const state = whole.stateDict();
        for (const [name, value] of Object.entries(resumed.stateDict()))
          await expectIdentical(value, state[name] as Tensor);
      }
      const placed = Object.entries(whole.stateDict()).filter(([name]) => name.endsWith('initted'));
      for (const [, flag] of placed) await expectIdentical(flag, [1]);
      whole.dispose();
      resumed.dispose();
    });

    it('shares one codebook that learns from all layers, and keeps it in the state once', async () => {
      const stack = createResidualVq({ dim: 4, codebookSize: 8, numQuantizers: 3, sharedCodebook: true });
      const z = tensor(createRng(3).normalArray(200, 1), [50, 4]);
      const before = stack.stateDict();
      expect(Object.keys(before).every((name) => name.startsWith('layers.0.'))).toBe(true);
      await expectIdentical(stack.decode(stack.encode(z)), stack.quantize(z).quantized);
      stack.quantize(z, { training: true, freezeCodebook: true });
      await expectIdentical(
        stack.stateDict()['layers.0._codebook.embed'] as Tensor,
        before['layers.0._codebook.embed'] as Tensor,
      );
      stack.quantize(z, { training: true });
      const sizes = await (stack.stateDict()['layers.0._codebook.cluster_size'] as Tensor).data();
      // Three layers, each n ← 0.8 n + 0.2 counts from n = 1: Σ n = 50 + (8 - 50) 0.8³.
      expect(Array.from(sizes).reduce((a, b) => a + b)).toBeCloseTo(50 + (8 - 50) * 0.8 ** 3, 3);
      stack.dispose();
    });
  });
});

describe('bad input of createResidualVq', () => {
  const fails = (call: () => unknown, text: RegExp): void => {
    expect(call).toThrow(OptionError);
    expect(call).toThrow(text);
  };

  it('names the option, the rule, the value and the fix', () => {
    const create = (options: unknown) => () => createResidualVq(options as ResidualVqOptions);
    fails(
      create({ dim: 4, codebookSize: 4 }),
      /^createResidualVq: numQuantizers must be an integer >= 1, got undefined/,
    );
    fails(create({ codebookSize: 4, numQuantizers: 2 }), /dim must be an integer >= 1, got undefined/);
    fails(create({ dim: 4, codebookSize: 4, numQuantizers: 2 ** 31 - 1 }), /numQuantizers must be at most 1024, got/);
    fails(
      create({ dim: 4, codebookSize: [4, 5], numQuantizers: 3 }),
      /codebookSize must be a number, or a list of 3, one per layer, got \[4,5\]/,
    );
    fails(create({ dim: 4, codebookSize: [] }), /numQuantizers must be an integer >= 1, got 0/);
    fails(
      create({ dim: 4, codebookSize: [4, 5], sharedCodebook: true }),
      /codebookSize must be the same in all layers that share it, got \[4,5\]/,
    );
    fails(create({ dim: 4, codebookSize: 4, numQuantizers: 2, heads: 2 }), /options must have no 'heads'/);
    fails(
      create({ dim: 4, codebookSize: 4, numQuantizers: 2, codebookDim: 0 }),
      /codebookDim must be an integer >= 1, got 0/,
    );
  });
});
