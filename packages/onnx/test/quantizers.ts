import type { Quantizer } from '@vqkit/core-tensor';
import {
  createFsq,
  createGrouped,
  createGroupedResidualFsq,
  createGroupedResidualVq,
  createLfq,
  createResidual,
  createResidualFsq,
  createResidualLfq,
  createResidualSimVq,
  createResidualVq,
  createSimVq,
  createVq,
} from '@vqkit/quantizers';

/** Quantizers in every form that decides ids or codes: made anew, because a stack owns its layers. */
export const QUANTIZERS: Readonly<Record<string, () => Quantizer>> = {
  fsq: () => createFsq({ levels: [8, 5, 5, 5] }),
  'fsq, official': () => createFsq({ levels: [7, 6], bound: 'official' }),
  'fsq, symmetric': () => createFsq({ levels: [2, 4, 9], preserveSymmetry: true, bound: 'hardClamp' }),
  'fsq, many levels': () => createFsq({ levels: [1000, 3] }),
  'fsq, codebooks': () => createFsq({ levels: [5, 4], numCodebooks: 3 }),
  'fsq, one codebook kept': () => createFsq({ levels: [5, 4], keepNumCodebooksDim: true }),
  'fsq, projected': () => createFsq({ levels: [8, 5, 5], dim: 16, numCodebooks: 2 }),
  'fsq, rotated': () => createFsq({ levels: [5, 5, 5], orthogonalRotation: true }),
  lfq: () => createLfq({ dim: 10 }),
  'lfq, spherical': () => createLfq({ dim: 9, spherical: true, codebookScale: 2 }),
  'lfq, lsb first': () => createLfq({ dim: 7, bitOrder: 'lsbFirst', softClampInputValue: 3 }),
  'lfq, codebooks': () => createLfq({ dim: 8, codebookSize: 16, numCodebooks: 2 }),
  'lfq, projected': () => createLfq({ dim: 16, codebookSize: 256, orthogonalRotation: true }),
  'lfq, cosine': () => createLfq({ dim: 16, codebookSize: 256, cosineSimProjectIn: true }),
  simvq: () => createSimVq({ dim: 8, codebookSize: 512 }),
  'simvq, narrow': () => createSimVq({ dim: 16, codebookSize: 256, frozenCodebookDim: 4, transformBias: true }),
  'simvq, mlp': () =>
    createSimVq({ dim: 8, codebookSize: 256, codebookTransform: { hidden: [32], activation: 'gelu' } }),
  vq: () => createVq({ dim: 8, codebookSize: 512, seed: 3 }),
  'vq, cosine': () => createVq({ dim: 8, codebookSize: 256, useCosineSim: true }),
  'vq, cosine by gradient': () => createVq({ dim: 8, codebookSize: 256, useCosineSim: true, learnableCodebook: true }),
  'vq, heads': () => createVq({ dim: 12, codebookSize: 64, heads: 3, codebookDim: 4 }),
  'vq, heads apart': () =>
    createVq({
      dim: 12,
      codebookSize: 64,
      heads: 3,
      codebookDim: 4,
      separateCodebookPerHead: true,
      useCosineSim: true,
    }),
  'vq, projected': () => createVq({ dim: 16, codebookSize: 256, codebookDim: 6 }),
  'residual-fsq': () => createResidualFsq({ levels: [8, 5, 5], numQuantizers: 4 }),
  'residual-fsq, tanh': () =>
    createResidualFsq({ levels: [5, 4], numQuantizers: 3, dim: 6, boundHardClamp: false, softClampInputValue: [2, 3] }),
  'residual-lfq': () => createResidualLfq({ dim: 8, codebookSize: 256, numQuantizers: 4, quantizeDropout: true }),
  'residual-lfq, projected': () => createResidualLfq({ dim: 12, codebookSize: 64, numQuantizers: 3, spherical: true }),
  'residual-simvq': () => createResidualSimVq({ dim: 8, codebookSize: 256, numQuantizers: 4 }),
  'residual-simvq, shared': () =>
    createResidualSimVq({ dim: 8, codebookSize: 64, numQuantizers: 3, sharedCodebook: true }),
  'residual-vq': () => createResidualVq({ dim: 8, codebookSize: [256, 64, 32], quantizeDropout: true }),
  'residual-vq, projected': () => createResidualVq({ dim: 12, codebookSize: 128, codebookDim: 4, numQuantizers: 4 }),
  'residual of several': () =>
    createResidual({
      layers: [
        createLfq({ dim: 6 }),
        createFsq({ levels: [3, 3], dim: 6, preserveSymmetry: true, numCodebooks: 2 }),
        createResidualVq({ dim: 6, codebookSize: 16, numQuantizers: 2 }),
      ],
      scales: [1, [1, 0.5, 1, 0.5, 1, 0.5], 0.25],
    }),
  grouped: () => createGrouped({ groups: [createFsq({ levels: [8, 5, 5] }), createLfq({ dim: 4 })] }),
  'grouped-residual-fsq': () => createGroupedResidualFsq({ dim: 8, groups: 2, levels: [4, 4, 4, 4], numQuantizers: 3 }),
  'grouped-residual-vq': () => createGroupedResidualVq({ dim: 8, groups: 2, codebookSize: 64, numQuantizers: 3 }),
};
