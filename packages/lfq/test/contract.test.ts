import { describeQuantizer } from '@vqkit/testing';
import * as fc from 'fast-check';
import { createLfq, type LfqOptions } from '../src/index.ts';

const random: fc.Arbitrary<LfqOptions> = fc
  .record({
    bits: fc.integer({ min: 1, max: 7 }),
    numCodebooks: fc.integer({ min: 1, max: 3 }),
    dim: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
    hasProjections: fc.boolean(),
    projectionHasBias: fc.boolean(),
    cosineSimProjectIn: fc.boolean(),
    softClamp: fc.boolean(),
    codebookScale: fc.constantFrom(1, 0.5, 3, 1 / 3),
    spherical: fc.boolean(),
    orthogonalRotation: fc.boolean(),
    straightThroughActivation: fc.constantFrom('identity', 'tanh', 'hardTanh'),
    bitOrder: fc.constantFrom('msbFirst', 'lsbFirst'),
    pooledCodebookEntropy: fc.boolean(),
    official: fc.boolean(),
    keepNumCodebooksDim: fc.constantFrom(true, undefined),
  })
  .map(({ bits, dim, hasProjections, cosineSimProjectIn, softClamp, codebookScale, official, ...rest }) => {
    const innerDim = bits * rest.numCodebooks;
    const projects = hasProjections || (dim !== undefined && dim !== innerDim);
    return {
      ...rest,
      codebookSize: 2 ** bits,
      codebookScale,
      ...(dim === undefined ? {} : { dim }),
      hasProjections: projects,
      cosineSimProjectIn: projects && cosineSimProjectIn,
      sphericalGradient: rest.spherical && official ? 'official' : 'reference',
      softClampInputValue: softClamp ? 2 * codebookScale : null,
      keepNumCodebooksDim: rest.keepNumCodebooksDim ?? rest.numCodebooks > 1,
    } as LfqOptions;
  });

const everyLoss = { commitmentLossWeight: 0.25, unitNormLossWeight: 0.1, invTemperature: 1 };

describeQuantizer('LFQ', {
  create: createLfq,
  variants: {
    'projected, two codebooks, rotated': {
      dim: 7,
      codebookSize: 8,
      numCodebooks: 2,
      orthogonalRotation: true,
      ...everyLoss,
    },
    plain: { dim: 4, ...everyLoss },
    'spherical with projections': { dim: 6, codebookSize: 32, spherical: true, ...everyLoss },
    'cosine projection, soft clamp, schedule': {
      dim: 5,
      codebookSize: 16,
      cosineSimProjectIn: true,
      softClampInputValue: 1.5,
      invTemperature: { from: 1, to: 10, steps: 100, shape: 'exponential' },
    },
    'softplus, tanh, scale and axis kept': {
      dim: 3,
      experimentalSoftplusEntropyLoss: true,
      straightThroughActivation: 'tanh',
      codebookScale: 0.5,
      keepNumCodebooksDim: true,
      invTemperature: 2,
    },
    'as Open-MAGVIT2': {
      codebookSize: 8,
      numCodebooks: 2,
      bitOrder: 'lsbFirst',
      pooledCodebookEntropy: true,
      ...everyLoss,
    },
    'a share of the tokens': { dim: 4, fracPerSampleEntropy: 0.5, invTemperature: 1 },
    'without the entropy loss': { codebookSize: 2 ** 24, entropyLossWeight: 0, unitNormLossWeight: 1 },
    'clamped as the reference': { dim: 4, entropyEps: 1e-5, invTemperature: 1 },
  },
  random,
  noisy: ['a share of the tokens'],
  straightThrough: [
    'plain',
    'as Open-MAGVIT2',
    'a share of the tokens',
    'without the entropy loss',
    'clamped as the reference',
  ],
  fixedPoint: [
    'plain',
    'as Open-MAGVIT2',
    'a share of the tokens',
    'without the entropy loss',
    'clamped as the reference',
  ],
});
