import { describe, expect, it } from 'vitest';
import * as vqkit from '../src/index.ts';

describe('vqkit', () => {
  it('brings every quantizer with its losses, metrics and errors', () => {
    expect(Object.keys(vqkit).sort()).toEqual([
      'DataError',
      'DisposedError',
      'DtypeError',
      'OptionError',
      'QuantizerError',
      'ShapeError',
      'UnsupportedError',
      'assertFinite',
      'assertIndices',
      'assertLayerIndices',
      'commitmentLoss',
      'createFsq',
      'createGrouped',
      'createGroupedResidualFsq',
      'createGroupedResidualLfq',
      'createGroupedResidualSimVq',
      'createGroupedResidualVq',
      'createLfq',
      'createResidual',
      'createResidualFsq',
      'createResidualLfq',
      'createResidualSimVq',
      'createResidualVq',
      'createRng',
      'createSimVq',
      'createTracker',
      'createVq',
      'diagnose',
      'flipRate',
      'lfqEntropy',
      'orthogonalityLoss',
      'psnr',
      'rotateTo',
      'ssim',
      'unitNormLoss',
    ]);
  });
});
