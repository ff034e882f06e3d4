import { OptionError } from '@vqkit/core-tensor';
import { letSignalsIn } from '@vqkit/data';
import { DATA_NAMES, type OpenDataset, openDataset } from '@vqkit/data/node';
import { plainShrink } from '@vqkit/metrics';
import type { ImageTokenizer } from '@vqkit/tokenizer';
import { evaluate, imageModality, type Quality, scalesOf } from '@vqkit/training';
import type { ExampleSets, HarnessModality } from '../modality.ts';
import { createModel, recreateModel } from '../model.ts';
import { presets } from '../presets.ts';
import { imagePairs } from '../report/pictures.ts';
import { PAIRS } from '../report-schema.ts';
import type { ImageConfig } from '../train-options.ts';
import { imageOptions } from './images/options.ts';
import { imagesShown } from './images/shown.ts';

type ImageSets = OpenDataset & ExampleSets;

/** Pictures: PNG and JPEG, IDX files and MNIST; shown as a PNG of originals above reconstructions. */
export const images: HarnessModality<ImageConfig, ImageSets> = {
  ...imageModality,
  data: DATA_NAMES,
  presets: ['recipe', 'start', 'photos'],
  options: imageOptions,
  async read(config, hooks) {
    const data = await openDataset(config, hooks);
    requireScale(config, data.test);
    const { preset = 'recipe', steps } = config;
    // No user asks for 0.
    const decided = steps === 0 ? { steps: presets[preset].stepsFor?.(data.train.count) } : {};
    return { ...data, options: { ...data.options, ...decided } };
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
    const plain = await plainQuality(data.test, model as ImageTokenizer, signal);
    return { evaluation, shown: { images: imagePairs(evaluation.pairs) }, plain };
  },
  shown: imagesShown,
};

/** Images at a time. */
const PLAIN_BATCH = 64;

/** The images shrunk to a pixel per token in as many bits, and enlarged again. */
async function plainQuality(
  { count, shape, ...images }: OpenDataset['test'],
  { imageMultiple: factor, bitsPerToken }: ImageTokenizer,
  signal: AbortSignal | undefined,
): Promise<Quality> {
  const [height = 0, width = 0, channels = 0] = shape;
  const bits = Math.max(1, Math.ceil(bitsPerToken));
  const meter = imageModality.createMeter(shape);
  for (let start = 0; start < count; start += PLAIN_BATCH) {
    await letSignalsIn(signal);
    const size = Math.min(PLAIN_BATCH, count - start);
    const values = await images.batch(Int32Array.from({ length: size }, (_, i) => start + i));
    meter.add(values, plainShrink(values, { width, height, channels, factor, bits }));
  }
  return meter.report();
}

/** Throws where images are too small for MS-SSIM to have a window. */
function requireScale({ ssimWeight }: ImageConfig, { height, width }: OpenDataset['test']): void {
  if (ssimWeight === 0 || scalesOf(height, width) > 0) return;
  const rule = `be 0 with images of ${height} × ${width} pixels, which are smaller than the window of MS-SSIM`;
  throw new OptionError('train', 'ssimWeight', rule, ssimWeight, 'Use larger images, or another loss.');
}
