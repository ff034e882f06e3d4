import { createConfig } from '../src/config.ts';
import type { ImageConfig, ImageOptions } from '../src/train-options.ts';

/** A run of some milliseconds per step. */
export function tinyConfig(dataPath: string, outDir: string, options: ImageOptions = {}): ImageConfig {
  return createConfig({
    data: 'idx',
    dataPath,
    outDir,
    quantizer: 'fsq',
    quantizerOptions: { levels: [5, 4] },
    widths: [4, 8],
    batchSize: 8,
    steps: 12,
    validationSize: 8,
    validateEvery: 6,
    checkpointEvery: 4,
    logEvery: 2,
    engine: 'cpu',
    ...options,
  });
}
