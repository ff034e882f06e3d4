import { engine, mul, type Scalar, sub, sum, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import { createRng, OptionError } from '@vqkit/core-tensor';
import { describeQuantizer, eachEngine, trainingIt } from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createResidualSimVq, type ResidualSimVqOptions } from '../src/index.ts';

const gradient = fc.constantFrom('identity' as const, 'perLayer' as const);
const numQuantizers = fc.integer({ min: 1, max: 4 });

describeQuantizer<ResidualSimVqOptions>('Residual SimVQ', {
  create: createResidualSimVq,
  variants: {
    plain: { dim: 4, codebookSize: 9, numQuantizers: 3 },
    'shared MLP, per layer': {
      ...{ dim: 3, codebookSize: 6, numQuantizers: 3, sharedCodebook: true, gradient: 'perLayer' },
      codebookTransform: { hidden: [5] },
    },
    'narrow codebook, straight-through': {
      dim: 6,
      codebookSize: 8,
      numQuantizers: 2,
      frozenCodebookDim: 2,
      rotationTrick: false,
    },
  },
  random: fc.record({
    dim: fc.integer({ min: 1, max: 5 }),
    codebookSize: fc.integer({ min: 1, max: 12 }),
    frozenCodebookDim: fc.integer({ min: 1, max: 5 }),
    numQuantizers,
    gradient,
    sharedCodebook: fc.boolean(),
  }),
  straightThrough: ['plain'],
});

eachEngine((engineName) => {
  const it = trainingIt(engineName);
  describe('residual SimVQ', () => {
    it('makes the error smaller with every layer after a little training, for itself and its inputs', async () => {
      const stack = createResidualSimVq({ dim: 4, codebookSize: 32, numQuantizers: 4 });
      const z = tensor(createRng(3).normalArray(2000, 1), [500, 4]);
      const variables = Object.values(stack.variables());
      for (let step = 0; step < 60; step++) {
        tidy(() => {
          const { grads } = engine().gradients(() => stack.quantize(z, { training: true }).loss, variables);
          for (const [i, variable] of variables.entries()) variable.assign(sub(variable, mul(grads[i] as Tensor, 2)));
        });
      }
      const indices = stack.encode(z);
      const errors: number[] = [];
      for (const layers of [1, 2, 3, 4]) {
        const [error] = await tidy(() => {
          const difference = sub(stack.decode(indices, { layers }), z);
          return sum(mul(difference, difference)) as Scalar;
        }).data();
        errors.push(error as number);
      }
      expect(errors).toEqual([...errors].sort((a, b) => b - a));
      stack.dispose();
    });
  });
});

describe('bad input of createResidualSimVq', () => {
  const fails = (call: () => unknown, text: RegExp): void => {
    expect(call).toThrow(OptionError);
    expect(call).toThrow(text);
  };

  it('names the option, the rule, the value and the fix', () => {
    const create = (options: unknown) => () => createResidualSimVq(options as ResidualSimVqOptions);
    fails(
      create({ dim: 4, codebookSize: 4 }),
      /^createResidualSimVq: numQuantizers must be an integer >= 1, got undefined/,
    );
    fails(
      create({ dim: 4, codebookSize: 4, numQuantizers: 2, sharedCodebook: 1 }),
      /sharedCodebook must be true or false/,
    );
    const own = { apply: (x: Tensor) => x, parameters: [] };
    fails(
      create({ dim: 4, codebookSize: 4, numQuantizers: 2, codebookTransform: own }),
      /codebookTransform must be 'linear' or .+ unless sharedCodebook is on/,
    );
  });
});
