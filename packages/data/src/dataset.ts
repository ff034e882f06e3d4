import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { createRng, OptionError, phrase } from '@vqkit/core-tensor';
import { augmentImages } from './augment.ts';
import type { Fit, SkippedImage } from './decode-pictures.ts';
import { type ImageSize, requireDivisible, sidesOf, sizeOf } from './divisible.ts';
import { readImageFiles, readImageFolder } from './image-folder.ts';
import { type DataName, imageKind } from './image-kinds.ts';
import type { ImageParts } from './image-parts.ts';
import type { Images } from './images.ts';
import { isFolder } from './list-pictures.ts';

/** Of a run's configuration, what decides its images. */
export interface DatasetOptions {
  readonly data: DataName;
  readonly dataPath?: string | undefined;
  readonly imageSize?: ImageSize | undefined;
  /** Of a folder. Default `crop`. */
  readonly fit?: Fit | undefined;
  /** Of a folder: training pictures have this size, and each batch a random part of `imageSize`. Default none. */
  readonly cropFrom?: ImageSize | undefined;
  /** Mirrors half of the training images, at random. Default false. */
  readonly flip?: boolean | undefined;
  /** Of a folder: MB of decoded pictures that are held. Default 1024. */
  readonly cacheMb?: number | undefined;
  /** Of a folder: threads that decode pictures while a training goes on. */
  readonly workers?: number | undefined;
  readonly channels?: number | undefined;
  readonly validationSize?: number | undefined;
  readonly testSize?: number | undefined;
  /** One entry per halving of the images. */
  readonly widths: readonly number[];
  readonly seed: number;
}

/** Pixels of a picture's side where nothing is said. */
export const DEFAULT_FOLDER_SIZE = 64;
/** Images of the validation where nothing is said, at most: more only take time. */
const MOST_VALIDATION = 1000;
/** Images of the test where nothing is said, at most. */
const MOST_TEST = 10_000;
/** Names of the folders of training, validation and test images. */
const PART_FOLDERS = [['train'], ['val', 'valid', 'validation'], ['test']] as const;

/** The three parts of the data. No image is in two of them. */
export interface Dataset {
  readonly train: Images;
  /** Held out of the training images; may be empty. */
  readonly validation: Images;
  readonly test: Images;
  readonly skipped: readonly SkippedImage[];
  /** The options of a configuration that the data decided where they were not given. */
  readonly options: Pick<DatasetOptions, 'imageSize' | 'channels' | 'validationSize' | 'testSize'>;
}

/** By which a resumed run knows its images again. */
export interface DataNotes {
  readonly train: number;
  readonly validation: number;
  readonly test: number;
  /** Of the pixels of all three parts, in their order. */
  readonly sha256: string;
}

export function dataNotes({ train, validation, test }: Dataset): DataNotes {
  const hash = createHash('sha256');
  for (const images of [train, validation, test]) {
    const { count, height, width, channels } = images;
    hash.update(`${[count, height, width, channels]}\n`);
    images.digest(hash);
  }
  return { train: train.count, validation: validation.count, test: test.count, sha256: hash.digest('hex') };
}

/**
 * Reads the data of a configuration and holds images out for the validation and, where the data have no test part, for the test;
 * which ones is a function of the seed.
 *
 * @throws OptionError or DataError naming the option or the file, and the fix.
 */
export async function loadDataset(config: DatasetOptions, signal?: AbortSignal): Promise<Dataset> {
  const where = 'loadDataset';
  const { train: all, files, validation: ownValidation, test: own, skipped } = await readParts(config, signal);
  const [height, width] = [all.height, all.width];
  const size = sizeOf([height, width]);
  requireDivisible(where, size, config.widths.length);
  if (config.imageSize !== undefined && !isDeepStrictEqual(sizeOf(sidesOf(config.imageSize)), size)) {
    throw new OptionError(
      where,
      'imageSize',
      `be the size of the images in the data, ${height} × ${width}`,
      config.imageSize,
      'Leave it out.',
    );
  }
  if (config.channels !== undefined && config.channels !== all.channels) {
    throw new OptionError(where, 'channels', `be that of the data, ${all.channels}`, config.channels, 'Leave it out.');
  }
  const { testSize, validationSize, heldOut } = heldOutOf(
    where,
    config,
    all.count,
    ownValidation?.count,
    own !== undefined,
  );
  const part = shuffled(config.seed, 'held-out images', all.count);
  return {
    train: await toDraw(all, files, part(heldOut, all.count), config, signal),
    validation:
      ownValidation === undefined
        ? all.subset(part(testSize, heldOut))
        : ownValidation.subset(shuffled(config.seed, 'validation images', ownValidation.count)(0, validationSize)),
    test: own ?? all.subset(part(0, testSize)),
    skipped,
    options: {
      channels: all.channels,
      validationSize,
      imageSize: size,
      ...(own === undefined ? { testSize } : {}),
    },
  };
}

/** Positions in a random order, from one place of it to another, sorted. */
export function shuffled(seed: number, name: string, count: number): (from: number, to: number) => Int32Array {
  const order = createRng(seed).fork(name).permutation(count);
  return (from, to) => order.slice(from, to).sort();
}

/** How many images the parts get; `heldOut` of `count` are not trained on. */
export function heldOutOf(
  where: string,
  config: DatasetOptions,
  count: number,
  ownValidation: number | undefined,
  hasTest: boolean,
): { testSize: number; validationSize: number; heldOut: number } {
  const tenth = Math.round(count / 10);
  const testSize = hasTest ? 0 : (config.testSize ?? Math.min(MOST_TEST, Math.max(1, tenth)));
  const validationSize =
    ownValidation === undefined
      ? (config.validationSize ?? Math.min(MOST_VALIDATION, tenth))
      : Math.min(config.validationSize ?? MOST_VALIDATION, ownValidation);
  const heldOut = testSize + (ownValidation === undefined ? validationSize : 0);
  if (heldOut < count) return { testSize, validationSize, heldOut };
  throw new OptionError(
    where,
    'validationSize and testSize',
    'leave images to train on',
    phrase(`${validationSize} and ${testSize} of ${count}`, [validationSize, testSize]),
    'Use smaller ones.',
  );
}

/** The training images as each batch draws them: of pictures that are larger by `cropFrom`, for which they are read once more. */
async function toDraw(
  all: Images,
  files: readonly string[] | undefined,
  positions: Int32Array,
  { cropFrom, flip = false, fit, seed }: DatasetOptions,
  signal: AbortSignal | undefined,
): Promise<Images> {
  const size = [all.height, all.width] as const;
  if (cropFrom === undefined) {
    const images = all.subset(positions);
    return flip ? augmentImages(images, { size, flip, seed }) : images;
  }
  if (files === undefined) {
    throw new OptionError(
      'loadDataset',
      'cropFrom',
      'be given for a folder of pictures only',
      cropFrom,
      'Leave it out.',
    );
  }
  const chosen = [...positions].map((position) => files[position] as string);
  const { images } = await readImageFiles(chosen, cropFrom, all.channels, signal, fit);
  return augmentImages(images, { size, flip, seed });
}

async function readParts(config: DatasetOptions, signal: AbortSignal | undefined): Promise<ImageParts> {
  const { data, dataPath = '' } = config;
  const { read: readWhole } = imageKind(data);
  if (readWhole !== undefined) return readWhole(dataPath);
  const { imageSize: size = DEFAULT_FOLDER_SIZE, fit } = config;
  const channels = config.channels ?? 3;
  const skipped: SkippedImage[] = [];
  const read = async (folder: string): Promise<{ images: Images; files: readonly string[] }> => {
    const { skipped: left, ...found } = await readImageFolder(folder, size, channels, signal, fit);
    skipped.push(...left);
    return found;
  };
  const folders = await partFolders(dataPath);
  const { images: train, files } = await read(folders.train);
  return {
    train,
    files,
    ...(folders.validation === undefined ? {} : { validation: (await read(folders.validation)).images }),
    ...(folders.test === undefined ? {} : { test: (await read(folders.test)).images }),
    skipped,
  };
}

interface PartFolders {
  readonly train: string;
  readonly validation?: string | undefined;
  readonly test?: string | undefined;
}

/** The folders of the parts, where a folder has a training part and another; else the folder itself. */
export async function partFolders(folder: string): Promise<PartFolders> {
  const [train, validation, test] = await Promise.all(PART_FOLDERS.map((names) => firstFolder(folder, names)));
  const hasParts = train !== undefined && (validation ?? test) !== undefined;
  return hasParts ? { train, validation, test } : { train: folder };
}

async function firstFolder(folder: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) if (await isFolder(join(folder, name))) return join(folder, name);
  return undefined;
}
