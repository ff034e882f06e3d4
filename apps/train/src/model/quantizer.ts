import type { Quantizer } from '@vqkit/core-tensor';
import { createFsq, type FsqOptions } from '@vqkit/fsq';
import { createLfq, type LfqOptions } from '@vqkit/lfq';
import { createSimVq, type SimVqOptions } from '@vqkit/simvq';
import { createVq, type VqOptions } from '@vqkit/vq';
import type { TrainConfig } from '../config.ts';

/**
 * The quantizer of a configuration: the options given, over those of the reference library's example recipe, and the seed of the
 * run.
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
      // The example leaves the codes where chance put them; k-means and revival are what anyone would compare with.
      const placed = { kmeansInit: true, thresholdEmaDeadCode: 2 };
      const recipe: VqOptions = { dim: width, codebookSize: 256, commitmentWeight: 10, ...placed, seed };
      return createVq({ ...recipe, ...quantizerOptions }) as unknown as Quantizer;
    }
  }
}
