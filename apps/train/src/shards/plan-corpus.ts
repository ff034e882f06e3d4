import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileError } from '@vqkit/checkpoint/node';
import { OptionError, phrase } from '@vqkit/core-tensor';
import { sizeOf } from '@vqkit/data';
import {
  arePictures,
  nameImages,
  nameSounds,
  openImages,
  openVectors,
  requireReadable,
  sourceOf,
} from '@vqkit/data/node';
import type { AudioTokenizer, ImageTokenizer, Tokenizer, VectorTokenizer } from '@vqkit/tokenizer';
import { isAudioConfig, isVectorConfig } from '@vqkit/tokenizer';
import {
  digestOf,
  NAMES,
  planShards,
  requireSamePlan,
  type ShardManifest,
  type ShardPlan,
  type ShardStore,
} from '@vqkit/tokens';
import { imageExamples } from './examples.ts';
import { type Described, linesIn, listNames, namesOf, type Target, writeNames } from './names.ts';
import type { ShardOptions } from './options.ts';
import { describeSounds, soundPaths } from './plan-sounds.ts';
import { packageVersion } from './version.ts';

/** Bytes at either end of a file of rows that stand for all of it. */
const ENDS = 2 ** 20;

/**
 * Divides what there is to encode. Names of pictures go into a file of their own beside the manifest as they are found, so that neither memory nor the manifest grows with
 * their number.
 *
 * @param store where the names are written; without one they are compared with those of `there`.
 * @throws OptionError or DataError for data that the tokenizer does not take.
 */
export async function planCorpus(
  where: string,
  tokenizer: { readonly model: Tokenizer; readonly sha256: string },
  options: ShardOptions & { readonly shards: number },
  target: Target,
  warn: (message: string) => void,
): Promise<ShardManifest> {
  const { model, sha256 } = tokenizer;
  const { there } = target;
  const { config, codebookSize, numCodebooks } = model;
  const { shards, format = 'safetensors', pack = false, batchSize } = options;
  const isOfVectors = isVectorConfig(config);
  const described = isOfVectors
    ? await describeVectors(where, model as unknown as VectorTokenizer, options)
    : isAudioConfig(config)
      ? await describeSounds(where, config, options, target, warn)
      : await describeImages(where, model as unknown as ImageTokenizer, options, target, warn);
  const { examples, shape, keys, source, names } = described;
  if (there !== undefined) requireSamePlan(where, there, { ...there, examples });
  const plan: ShardPlan = {
    vqkit: packageVersion(),
    tokenizer: { sha256, config: JSON.parse(JSON.stringify(config)) as ShardPlan['tokenizer']['config'] },
    codebookSize,
    numCodebooks,
    tokenShape: tokenShapeOf(model, shape),
    exampleShape: shape,
    ...(isAudioConfig(config) ? { sound: { sampleRate: config.sampleRate, hop: hopOf(model) } } : {}),
    source,
    keys,
    examples,
    batchSize: batchSize ?? (isOfVectors ? 8192 : isAudioConfig(config) ? 1 : 256),
    format,
    packed: pack,
  };
  return planShards(plan, shards, names);
}

function tokenShapeOf(model: Tokenizer, shape: readonly number[]): number[] {
  if (isAudioConfig(model.config)) return [model.numCodebooks];
  if (isVectorConfig(model.config)) return model.numCodebooks === 1 ? [] : [model.numCodebooks];
  const [height = 0, width = 0] = shape;
  return (model as unknown as ImageTokenizer).tokenShape(height, width);
}

function hopOf(model: Tokenizer): number {
  return (model as unknown as AudioTokenizer).hop;
}

async function describeVectors(where: string, model: VectorTokenizer, options: ShardOptions): Promise<Described> {
  const { paths = [], dataPath, column, keyColumn } = options;
  const [path, ...others] = [...paths, ...(dataPath === undefined ? [] : [dataPath])];
  if (path === undefined || others.length > 0) {
    throw new OptionError(
      where,
      'data',
      'be one file of vectors',
      phrase(others.length === 0 ? 'none' : `${others.length + 1}`, paths),
      'Pass a .npy, .safetensors or .parquet file.',
    );
  }
  const file = await openVectors(path, { column, keyColumn });
  const { features } = model.config;
  if (file.dim !== features) {
    throw new OptionError(
      where,
      'vectors',
      `have the tokenizer's ${features} numbers`,
      file.dim,
      'Pass the vectors that it is for.',
    );
  }
  const { count, dim, dtype, keys } = file;
  return {
    examples: count,
    shape: [dim],
    keys,
    source: {
      options: {
        data: 'vectors',
        dtype,
        ...(column === undefined ? {} : { column }),
        ...(keyColumn === undefined ? {} : { keyColumn }),
      },
      order: 'the rows of the file',
      sha256: await digestOfEnds(path),
      paths: [resolve(path)],
    },
  };
}

/** Size, beginning and end of a file, for all of it may be terabytes. */
async function digestOfEnds(path: string): Promise<string> {
  const file = await open(path).catch((error: unknown) => {
    throw fileError('planShards', path, 'be a readable file', error);
  });
  try {
    const { size } = await file.stat();
    const hash = createHash('sha256').update(`${size}\n`);
    for (const from of [0, Math.max(ENDS, size - ENDS)]) {
      const bytes = Buffer.alloc(Math.max(0, Math.min(ENDS, size - from)));
      await file.read(bytes, 0, bytes.length, from);
      hash.update(bytes);
    }
    return hash.digest('hex');
  } finally {
    await file.close();
  }
}

async function describeImages(
  where: string,
  model: ImageTokenizer,
  options: ShardOptions & { readonly shards: number },
  target: Target,
  warn: (message: string) => void,
): Promise<Described> {
  const { part, imageSize, fit } = options;
  const { data, paths } = sourceOf(where, options);
  if (!arePictures(data)) {
    const source = await openImages(where, options, model, warn);
    const { shape, keys } = imageExamples(source);
    const hash = createHash('sha256');
    const all = await source.read(0, source.count);
    all.images.digest(hash);
    return {
      examples: source.count,
      shape,
      keys,
      source: {
        options: { data, ...(part === undefined ? {} : { part }) },
        order: 'as in the file',
        sha256: hash.digest('hex'),
        paths: paths.map((path) => resolve(path)),
      },
    };
  }
  // The first name says all there is to check but the names.
  const { height, width, channels } = await openImages(where, { ...options, names: [] }, model, warn);
  const listed = await listNames(target, options.shards, nameImages(where, paths));
  if (listed.count === 0) requireReadable(where, paths.join(', '), 0, []);
  return {
    examples: listed.count,
    shape: [height, width, channels],
    keys: 'texts',
    names: listed.names,
    source: {
      options: { data, imageSize: imageSize ?? sizeOf([height, width]), ...(fit === undefined ? {} : { fit }) },
      order: 'by path',
      sha256: digestOf(listed.names.map(({ sha256 }) => sha256).join('\n')),
      paths: paths.map((path) => resolve(path)),
    },
  };
}

/** Writes the names of a plan again where its file of them is lost or damaged; the source has been found to be the same. */
export async function restoreNames(
  where: string,
  { examples, shards, sound }: ShardManifest,
  options: ShardOptions,
  store: ShardStore,
): Promise<void> {
  const end = shards.at(-1)?.names?.end;
  if (end === undefined) return;
  const isLonger = (await store.readRange(NAMES, end, end + 1))?.length !== 0;
  const names = isLonger ? [] : await namesOf(examples, shards.length, linesIn(store));
  if (shards.every((shard, n) => shard.names?.sha256 === names[n]?.sha256)) return;
  const found =
    sound === undefined
      ? nameImages(where, sourceOf(where, options).paths)
      : nameSounds(where, soundPaths(where, options));
  await writeNames(store, shards.length, found);
}
