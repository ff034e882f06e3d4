import { tidy } from '@tensorflow/tfjs-core';
import { describeQuantizer } from '@vqkit/testing';
import * as fc from 'fast-check';
import { createVq, type Vq, type VqOptions } from '../src/index.ts';
import { normal } from './tokens.ts';

const random: fc.Arbitrary<VqOptions> = fc.record(
  {
    dim: fc.integer({ min: 1, max: 8 }),
    codebookSize: fc.integer({ min: 1, max: 40 }),
    codebookDim: fc.integer({ min: 1, max: 5 }),
    heads: fc.integer({ min: 1, max: 3 }),
    separateCodebookPerHead: fc.boolean(),
    useCosineSim: fc.boolean(),
    learnableCodebook: fc.boolean(),
    rotationTrick: fc.boolean(),
  },
  { requiredKeys: ['dim', 'codebookSize'] },
);

const variants: Record<string, VqOptions> = {
  'learnable, projected heads': { dim: 6, codebookSize: 9, codebookDim: 2, heads: 2, learnableCodebook: true },
  'EMA, rotation': { dim: 6, codebookSize: 16 },
  'EMA, straight-through, revival': { dim: 4, codebookSize: 9, rotationTrick: false, thresholdEmaDeadCode: 2 },
  'EMA, k-means': { dim: 4, codebookSize: 7, kmeansInit: true },
  'EMA, cosine, a codebook per head': {
    dim: 6,
    codebookSize: 8,
    codebookDim: 3,
    heads: 2,
    separateCodebookPerHead: true,
    useCosineSim: true,
    thresholdEmaDeadCode: 1,
  },
  'learnable, straight-through': { dim: 5, codebookSize: 12, learnableCodebook: true, rotationTrick: false },
  'learnable, cosine, projected': {
    dim: 7,
    codebookSize: 12,
    codebookDim: 3,
    learnableCodebook: true,
    useCosineSim: true,
  },
  frozen: { dim: 3, codebookSize: 5, freezeCodebook: true },
  'one code': { dim: 2, codebookSize: 1 },
};

/** A quantizer that has had its k-means: until then training and inference know different codes. */
function started(options: VqOptions): Vq {
  const vq = createVq(options);
  if (vq.config.kmeansInit)
    tidy(() => {
      vq.quantize(normal(20, vq.dim, 1), { training: true });
    });
  return vq;
}

describeQuantizer('VQ', {
  create: started,
  variants,
  random,
  straightThrough: ['EMA, straight-through, revival', 'learnable, straight-through'],
  fixedPoint: Object.keys(variants).filter((name) => !name.includes('projected')),
});
