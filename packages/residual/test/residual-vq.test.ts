import { square, sub, sum, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import { createRng, OptionError } from '@vqkit/core-tensor';
import { describeQuantizer, eachEngine, expectIdentical } from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createResidualVq, type ResidualVqOptions } from '../src/index.ts';

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

eachEngine(() => {
  describe('residual VQ', () => {
    it('learns from what every layer sees, and the error falls with every layer', async () => {
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
    fails(
      create({ dim: 4, codebookSize: [4, 5], numQuantizers: 3 }),
      /codebookSize must be a number, or a list of 3, one per layer, got \[4,5\]/,
    );
    fails(create({ dim: 4, codebookSize: [] }), /numQuantizers must be an integer >= 1, got 0/);
    fails(
      create({ dim: 4, codebookSize: [4, 5], sharedCodebook: true }),
      /codebookSize must be the same in all layers that share it, got \[4,5\]/,
    );
    fails(create({ dim: 4, codebookSize: 4, numQuantizers: 2, heads: 2 }), /options has no 'heads'/);
    fails(
      create({ dim: 4, codebookSize: 4, numQuantizers: 2, codebookDim: 0 }),
      /codebookDim must be an integer >= 1, got 0/,
    );
  });
});
