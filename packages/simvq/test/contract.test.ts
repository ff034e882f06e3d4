import { describeQuantizer } from '@vqkit/testing';
import * as fc from 'fast-check';
import { createSimVq, type SimVqOptions } from '../src/index.ts';

const shared = {
  dim: fc.integer({ min: 1, max: 8 }),
  codebookSize: fc.integer({ min: 1, max: 40 }),
  frozenCodebookDim: fc.integer({ min: 1, max: 10 }),
  codebookInit: fc.constantFrom('normal' as const, 'uniform' as const),
  trainCodebook: fc.boolean(),
  exact: fc.boolean(),
  rotationTrick: fc.boolean(),
};

const random: fc.Arbitrary<SimVqOptions> = fc.oneof(
  fc.record({ ...shared, transformBias: fc.boolean() }),
  fc.record({
    ...shared,
    codebookTransform: fc.record({
      hidden: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 2 }),
      activation: fc.constantFrom('relu' as const, 'gelu' as const, 'silu' as const, 'tanh' as const),
      bias: fc.boolean(),
    }),
  }),
);

const straightThrough: SimVqOptions = { dim: 4, codebookSize: 9, rotationTrick: false };
const variants: Record<string, SimVqOptions> = {
  'linear, rotation': { dim: 6, codebookSize: 16 },
  'linear with bias, straight-through': { ...straightThrough, transformBias: true },
  'narrow frozen codebook': { dim: 7, codebookSize: 20, frozenCodebookDim: 3, transformBias: true },
  'wide frozen codebook, trained too': { dim: 3, codebookSize: 12, frozenCodebookDim: 8, trainCodebook: true },
  'MLP, more codes than tokens': { dim: 5, codebookSize: 64, codebookTransform: { hidden: [9], activation: 'gelu' } },
  'MLP, fewer codes than tokens': { dim: 5, codebookSize: 4, codebookTransform: { hidden: [6, 7] } },
  'no weight on the input': { ...straightThrough, inputToQuantizeCommitLossWeight: 0, commitmentWeight: 1000 },
  'one code': { dim: 2, codebookSize: 1 },
};

describeQuantizer('SimVQ', {
  create: createSimVq,
  variants,
  random,
  straightThrough: ['linear with bias, straight-through', 'no weight on the input'],
  fixedPoint: Object.keys(variants),
});
