import { join } from 'node:path';
import { quantizerEntry } from '@vqkit/quantizers';
import { createVectorTokenizer, isVectorConfig, recreateVectorTokenizer } from '@vqkit/tokenizer';
import { createFitOrder, requireFitting, requireRowsForCodes, vectorModality } from '@vqkit/training';
import type { HarnessModality } from '../modality.ts';
import type { VectorConfig } from '../train-options.ts';
import { readVectors, type VectorSets } from './vectors/data.ts';
import { isFitted, vectorOptions } from './vectors/options.ts';
import { vectorsShown } from './vectors/shown.ts';
import { writeIds } from './vectors/write-ids.ts';

/** Of a finished run: the ids of all rows. */
const IDS_FILE = 'ids.parquet';
/** Rows that are encoded at a time. */
const TEST_ROWS = 8192;

/** Vectors such as embeddings of items, in .npy, .parquet and .safetensors; shown by their ids, and by who shares them. */
export const vectors: HarnessModality<VectorConfig, VectorSets> = {
  ...vectorModality,
  data: ['vectors'],
  presets: [],
  options: vectorOptions,
  read: readVectors,
  create(config, { source: { dim }, train }, isNew) {
    const { quantizer, seed, arch, hidden = [], latentWidth, activation } = config;
    const fit = isFitted(arch) && isNew ? quantizerEntry(quantizer).fit : {};
    const quantizerOptions = { ...fit, ...config.quantizerOptions };
    const options = { quantizer, quantizerOptions, seed, features: dim, hidden, latentWidth, activation };
    const model = isNew
      ? createVectorTokenizer(options)
      : recreateVectorTokenizer({
          ...options,
          architecture: 'mlp',
          latentWidth: latentWidth ?? dim,
          activation: activation ?? 'relu',
        });
    try {
      if (isFitted(arch)) requireFitting('train', model.quantizer, { count: train.count, dim });
      else requireRowsForCodes('train', model.quantizer, train.count);
      return model;
    } catch (error) {
      model.dispose();
      throw error;
    }
  },
  resolved({ config }) {
    const { quantizerOptions } = config;
    if (!isVectorConfig(config) || config.hidden.length === 0) return { quantizerOptions };
    const { hidden, latentWidth, activation } = config;
    return { quantizerOptions, hidden, latentWidth, activation };
  },
  order({ arch, sample, passes, batchSize, seed }, { quantizer }, { train: { count } }) {
    if (!isFitted(arch)) return undefined;
    return createFitOrder({ count, codes: quantizer.codebookSize, sample, passes, blockSize: batchSize, seed });
  },
  async test({ config, model, data: { source, test }, folder, onExamples, signal }) {
    const { evaluation, ...ids } = await writeIds(join(folder, IDS_FILE), model, source, test, {
      unique: config.unique,
      batchSize: TEST_ROWS,
      step: config.steps,
      onRows: onExamples,
      signal,
    });
    return { evaluation, shown: { ids } };
  },
  shown: vectorsShown,
};
