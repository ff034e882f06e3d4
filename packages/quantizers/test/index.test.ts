import { describe, expect, it } from 'vitest';
import * as quantizers from '../src/index.ts';

describe('@vqkit/quantizers', () => {
  it('brings every quantizer with its stacks, losses, metrics and errors', () => {
    expect(Object.keys(quantizers).sort()).toEqual([
      'DataError',
      'DisposedError',
      'DtypeError',
      'OptionError',
      'QUANTIZERS',
      'QUANTIZER_FLAGS',
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
      'quantizerEntry',
      'quantizerNames',
      'rotateTo',
      'ssim',
      'stackOf',
      'unitNormLoss',
    ]);
  });
});
