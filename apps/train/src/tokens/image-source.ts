import { relative } from 'node:path';
import { OptionError } from '@vqkit/core-tensor';
import type { ImageTokenizer } from '@vqkit/tokenizer';
import { type DataName, requireDivisible } from '../config.ts';
import { DEFAULT_FOLDER_SIZE, readIdx } from '../data/dataset.ts';
import {
  decodePictures,
  isFolder,
  listPictures,
  requirePictureChannels,
  type SkippedImage,
} from '../data/image-folder.ts';
import { createImages, type Images } from '../data/images.ts';
import { readMnist } from '../data/mnist.ts';

export const PART_NAMES = ['train', 'test'] as const;
type PartName = (typeof PART_NAMES)[number];

/** Where images to encode come from. */
export interface SourceOptions {
  readonly data: DataName;
  readonly dataPath?: string | undefined;
  readonly part?: PartName | undefined;
  readonly imageSize?: number | undefined;
}

/** Images in a fixed order, read piece by piece. */
export interface ImageSource {
  /** How many there are, unreadable ones too. */
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Those from `from` up to `to` that can be read, their names where they have any, and the others. */
  read(from: number, to: number): Promise<Piece>;
}

interface Piece {
  readonly images: Images;
  readonly names?: readonly string[];
  readonly skipped: readonly SkippedImage[];
}

/**
 * Opens the images for a tokenizer: those of an IDX file or of MNIST as they are, those of a folder cropped and resized, one piece at a
 * time, however many they are.
 *
 * @throws OptionError when an option does not go with the data, or the images not with the tokenizer; DataError for damaged data.
 */
export async function openImages(
  where: string,
  { data, dataPath, part, imageSize }: SourceOptions,
  { config }: ImageTokenizer,
): Promise<ImageSource> {
  const path = dataPath ?? '';
  if (data !== 'mnist' && path === '') {
    throw new OptionError(
      `${where}: dataPath must be given for data '${data}', got undefined. Pass the path of the data.`,
    );
  }
  const { channels, widths } = config;
  if (data === 'folder') {
    refuse(where, 'part', part, "data 'folder'", 'Point dataPath at the folder of that part.');
    const size = imageSize ?? DEFAULT_FOLDER_SIZE;
    requireDivisible(where, size, widths.length);
    requirePictureChannels(where, channels);
    return folderSource(path, await listPictures(`${where}: ${path}`, path), size, channels);
  }
  refuse(where, 'imageSize', imageSize, `data '${data}', which have their own size`, 'Leave it out.');
  const images = await readPart(where, data, path, part);
  for (const size of [images.height, images.width]) requireDivisible(where, size, widths.length);
  if (images.channels !== channels) {
    throw new OptionError(
      `${where}: data must have the ${channels} channels of the tokenizer, got ${images.channels}. Pass other images, or a tokenizer that was trained on such.`,
    );
  }
  return {
    ...sizeOf(images),
    count: images.count,
    read: async (from, to) => ({
      images: images.subset(Int32Array.from({ length: to - from }, (_, i) => from + i)),
      skipped: [],
    }),
  };
}

function folderSource(folder: string, files: readonly string[], size: number, channels: number): ImageSource {
  const pixels = size * size * channels;
  return {
    count: files.length,
    height: size,
    width: size,
    channels,
    async read(from, to) {
      const { decoded, skipped } = await decodePictures(files.slice(from, to), size, channels);
      const bytes = new Uint8Array(decoded.length * pixels);
      decoded.forEach((picture, i) => {
        bytes.set(picture.pixels, i * pixels);
      });
      return {
        images: createImages(bytes, [decoded.length, size, size, channels]),
        names: decoded.map(({ file }) => relative(folder, file).replaceAll('\\', '/')),
        skipped,
      };
    },
  };
}

async function readPart(where: string, data: 'mnist' | 'idx', path: string, part: PartName = 'train'): Promise<Images> {
  const isFile = data === 'idx' && !(await isFolder(path));
  if (isFile && part === 'test') refuse(where, 'part', part, 'one file', 'Pass the file of that part.');
  const { [part]: images } = data === 'mnist' ? await readMnist() : await readIdx(path);
  if (images !== undefined) return images;
  throw new OptionError(`${where}: part must be one that the data have, got '${part}'. Use 'train', or pass one file.`);
}

function sizeOf({ height, width, channels }: Images): Pick<Images, 'height' | 'width' | 'channels'> {
  return { height, width, channels };
}

function refuse(where: string, option: string, value: unknown, instead: string, fix: string): void {
  if (value === undefined) return;
  throw new OptionError(`${where}: ${option} must not be given with ${instead}, got ${String(value)}. ${fix}`);
}
