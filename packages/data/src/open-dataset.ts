import {
  type DataNotes,
  type Dataset,
  type DatasetOptions,
  DEFAULT_FOLDER_SIZE,
  dataNotes,
  heldOutOf,
  loadDataset,
  partFolders,
  shuffled,
} from './dataset.ts';
import { requireReadable, type SkippedImage } from './decode-pictures.ts';
import { createDecodePool } from './decode-pool.ts';
import { requireDivisible, sidesOf, sizeOf } from './divisible.ts';
import { arePictures } from './image-kinds.ts';
import type { ImageExamples } from './images.ts';
import type { PictureFile } from './picture-file.ts';
import { createPixelCache, digestOfFiles, streamPictures } from './streamed-pictures.ts';
import { listPictureFiles } from './tar-pictures.ts';

/** MB of decoded pictures that are held where nothing is said. */
export const DEFAULT_CACHE_MB = 1024;
/** More pictures than that are not all decoded before the first step. */
const MOST_HELD = 2 ** 14;

/** What {@link openDataset} gives: the parts of a {@link Dataset}, held or read as they are asked for. */
export interface OpenDataset extends Omit<Dataset, 'train' | 'validation' | 'test'> {
  readonly train: ImageExamples;
  readonly validation: ImageExamples;
  readonly test: ImageExamples;
  notes(): DataNotes;
  /** Ends the threads that decode. */
  close(): void;
}

/** Told of what happens while data are read. */
export interface OpenHooks {
  onWarning?(message: string): void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * {@link loadDataset} for folders of any size, and for tars of pictures: more than 16,384 pictures, or more than `cacheMb` of them, are listed, decoded in
 * threads while the training goes on, and held up to `cacheMb`. Then all pictures that are listed count, and one that cannot be read is
 * named and left out of its batch when it is met; a resumed run knows its pictures by their names, not by what is in them.
 *
 * @throws OptionError or DataError naming the option or the file, and the fix.
 */
export async function openDataset(config: DatasetOptions, hooks: OpenHooks = {}): Promise<OpenDataset> {
  const where = 'openDataset';
  const {
    data,
    dataPath = '',
    imageSize = DEFAULT_FOLDER_SIZE,
    channels = 3,
    cropFrom,
    fit,
    flip = false,
    seed,
  } = config;
  const load = async (): Promise<OpenDataset> => {
    const held = await loadDataset(config, hooks.signal);
    return { ...held, notes: () => dataNotes(held), close: () => undefined };
  };
  if (!arePictures(data)) return load();
  const folders = await partFolders(dataPath);
  const skipped: SkippedImage[] = [];
  const list = async (folder: string | undefined): Promise<readonly PictureFile[] | undefined> => {
    if (folder === undefined) return undefined;
    const { files, others } = await listPictureFiles(where, folder);
    skipped.push(...others);
    return files;
  };
  const [all = [], ownValidation, ownTest] = [
    await list(folders.train),
    await list(folders.validation),
    await list(folders.test),
  ];
  const parts = [all, ownValidation ?? [], ownTest ?? []];
  const [height, width] = sidesOf(cropFrom ?? imageSize);
  const bytes = (config.cacheMb ?? DEFAULT_CACHE_MB) * 2 ** 20;
  const count = parts.reduce((sum, files) => sum + files.length, 0);
  const inTars = parts.some((files) => files.some((file) => typeof file !== 'string'));
  if (!inTars && count <= MOST_HELD && count * height * width * channels <= bytes) return load();

  requireReadable(where, dataPath, all.length, skipped);
  requireDivisible(where, imageSize, config.widths.length);
  const { testSize, validationSize, heldOut } = heldOutOf(
    where,
    config,
    all.length,
    ownValidation?.length,
    ownTest !== undefined,
  );
  const part = shuffled(seed, 'held-out images', all.length);
  const at = (files: readonly PictureFile[], positions: Int32Array): PictureFile[] =>
    Array.from(positions, (position) => files[position] as PictureFile);
  const size = sidesOf(imageSize);
  const onSkipped = (left: SkippedImage): void => {
    skipped.push(left);
    hooks.onWarning?.(`Skipped ${left.file}: ${left.reason}`);
  };
  const whole = { size, channels, fit };
  const larger = { ...whole, size: [height, width] as const };
  const pools = [createDecodePool(larger, config.workers), createDecodePool(whole, 1)] as const;
  const cache = createPixelCache(bytes);
  const train = streamPictures(at(all, part(heldOut, all.length)), {
    frame: larger,
    pool: pools[0],
    cache,
    ...(cropFrom === undefined && !flip ? {} : { augment: { size, flip, seed } }),
    onSkipped,
  });
  const held = (files: readonly PictureFile[]): ImageExamples =>
    streamPictures(files, { frame: whole, pool: pools[1], cache: createPixelCache(0), onSkipped });
  const validation = held(
    ownValidation === undefined
      ? at(all, part(testSize, heldOut))
      : at(ownValidation, shuffled(seed, 'validation images', ownValidation.length)(0, validationSize)),
  );
  const test = held(ownTest ?? at(all, part(0, testSize)));
  return {
    train,
    validation,
    test,
    skipped,
    options: { channels, validationSize, imageSize: sizeOf(size), ...(ownTest === undefined ? { testSize } : {}) },
    notes: () => ({
      train: train.count,
      validation: validation.count,
      test: test.count,
      sha256: digestOfFiles([train, validation, test]),
    }),
    close() {
      for (const pool of pools) pool.close();
    },
  };
}
