import { OptionError } from '@vqkit/core-tensor';
import { DATA_NAMES, type Dataset, dataNotes, loadDataset } from '@vqkit/data/node';
import { evaluate, imageModality, scalesOf } from '@vqkit/training';
import type { ExampleSets, HarnessModality } from '../modality.ts';
import { createModel, recreateModel } from '../model.ts';
import { presets } from '../presets.ts';
import { imagePairs } from '../report/pictures.ts';
import { PAIRS } from '../report-schema.ts';
import type { ImageConfig } from '../train-options.ts';
import { imageOptions } from './images/options.ts';
import { imagesShown } from './images/shown.ts';

interface ImageSets extends Dataset, Pick<ExampleSets, 'notes'> {
  readonly options: Dataset['options'];
}

/** Pictures: PNG and JPEG, IDX files and MNIST; shown as a PNG of originals above reconstructions. */
export const images: HarnessModality<ImageConfig, ImageSets> = {
  ...imageModality,
  data: DATA_NAMES,
  presets: ['recipe', 'start'],
  options: imageOptions,
  async read(config, { signal }) {
    const data = await loadDataset(config, signal);
    requireScale(config, data.test);
    const { preset = 'recipe', steps } = config;
    // No user asks for 0.
    const decided = steps === 0 ? { steps: presets[preset].stepsFor?.(data.train.count) } : {};
    return { ...data, options: { ...data.options, ...decided }, notes: () => dataNotes(data) };
  },
  create: (config, { train }, isNew) => (isNew ? createModel : recreateModel)(config, train),
  resolved({ config }) {
    const { quantizerOptions } = config;
    if ('normGroups' in config) return { quantizerOptions, normGroups: config.normGroups };
    return { quantizerOptions, ...('groups' in config ? { groups: config.groups } : {}) };
  },
  async test({ config, model, data, onExamples, signal }) {
    let done = 0;
    const evaluation = await evaluate(model, data.test, {
      batchSize: config.batchSize,
      step: config.steps,
      keepPairs: PAIRS,
      signal,
      onTokens: (_, examples) => {
        done += examples;
        onExamples?.(done);
      },
    });
    return { evaluation, shown: { images: imagePairs(evaluation.pairs) } };
  },
  shown: imagesShown,
};

/** Throws where images are too small for MS-SSIM to have a window. */
function requireScale({ ssimWeight }: ImageConfig, { height, width }: Dataset['test']): void {
  if (ssimWeight === 0 || scalesOf(height, width) > 0) return;
  const rule = `be 0 with images of ${height} × ${width} pixels, which are smaller than the window of MS-SSIM`;
  throw new OptionError('train', 'ssimWeight', rule, ssimWeight, 'Use larger images, or another loss.');
}
