import { describeQuantizer } from '@vqkit/testing';
import * as fc from 'fast-check';
import { createFsq, type FsqBound, type FsqOptions } from '../src/index.ts';

const levels = (min: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min, max: 9 }), { minLength: 1, maxLength: 4 });

const shared = {
  numCodebooks: fc.integer({ min: 1, max: 3 }),
  projectionHasBias: fc.boolean(),
  bound: fc.constantFrom<FsqBound>('reference', 'hardClamp'),
  orthogonalRotation: fc.boolean(),
};

const random: fc.Arbitrary<FsqOptions> = fc.oneof(
  fc.record({ levels: levels(3), ...shared }),
  fc.record({ levels: levels(2), ...shared, bound: fc.constant('official' as const) }),
  fc.record({ levels: levels(2), ...shared, preserveSymmetry: fc.constant(true) }),
  fc.record({ levels: levels(3), ...shared, dim: fc.integer({ min: 1, max: 8 }) }),
);

describeQuantizer('FSQ', {
  create: createFsq,
  variants: {
    'projected, two codebooks, rotated': { levels: [5, 4, 3], dim: 7, numCodebooks: 2, orthogonalRotation: true },
    plain: { levels: [8, 5, 5] },
    'symmetric with hard clamp': { levels: [4, 2, 7], preserveSymmetry: true, bound: 'hardClamp' },
    'bounded as in the notebook': { levels: [2, 6, 3], bound: 'official' },
    'one codebook with its axis kept': { levels: [3, 3], keepNumCodebooksDim: true },
    noisy: { levels: [4, 4], preserveSymmetry: true, noiseDropout: 0.5 },
  },
  random,
  noisy: ['noisy'],
});
