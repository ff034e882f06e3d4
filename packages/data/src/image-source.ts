import { dirname, join, relative, resolve, sep } from 'node:path';
import { OptionError, phrase } from '@vqkit/core-tensor';
import type { ImageTokenizer } from '@vqkit/tokenizer';

import { DEFAULT_FOLDER_SIZE } from './dataset.ts';
import { decodePictures, type Fit, requirePictureChannels, type SkippedImage } from './decode-pictures.ts';
import { type ImageSize, requireDivisible, sidesOf, sizeOf as sizeOption } from './divisible.ts';
import { type DataName, imageKind, requireDataPath } from './image-kinds.ts';
import type { ImageParts } from './image-parts.ts';
import { createImages, type Images } from './images.ts';
import { kindOfData } from './kind.ts';
import { isFolder, isRegularFile, listPictures, type PictureList, walkPictures } from './list-pictures.ts';
import type { Source } from './source.ts';

export const PART_NAMES = ['train', 'test'] as const;
type PartName = (typeof PART_NAMES)[number];

/** Where images to encode come from. */
export interface SourceOptions {
  readonly data?: DataName | undefined;
  readonly dataPath?: string | undefined;
  /** Pictures, folders of them, or one path of any kind; instead of `dataPath`. */
  readonly paths?: readonly string[] | undefined;
  readonly part?: PartName | undefined;
  readonly imageSize?: ImageSize | undefined;
  /** Of folders of pictures. Default `crop`. */
  readonly fit?: Fit | undefined;
  /** Of folders of pictures only these, by their names as {@link nameImages} gives them, without a look into the folders. */
  readonly names?: readonly string[] | undefined;
}

/** Images in a fixed order, read piece by piece. */
export interface ImageSource extends Source<Piece> {
  /** What is not among them, such as pictures of other formats. */
  readonly skipped: readonly SkippedImage[];
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Images that can be read, their names where they have any, and the others. */
interface Piece {
  readonly images: Images;
  readonly names?: readonly string[];
  readonly skipped: readonly SkippedImage[];
}

/** The kind of data and where they lie; what nobody said goes by the paths. */
export function sourceOf(where: string, { data, dataPath, paths }: SourceOptions): { data: DataName; paths: string[] } {
  if (dataPath !== undefined && paths !== undefined) {
    refuse(where, 'dataPath', dataPath, 'paths of pictures', 'Pass one of the two.');
  }
  const given = [...(paths ?? []), ...(dataPath === undefined ? [] : [dataPath])];
  const [first] = given;
  const kind = data ?? (first === undefined ? 'mnist' : given.length === 1 ? kindOfData(first) : 'folder');
  requireDataPath(where, kind, first);
  if (given.length > imageKind(kind).mostPaths) {
    const rule = `be one file or folder for data '${kind}'`;
    throw new OptionError(where, 'dataPath', rule, given, 'Pass one after the other.');
  }
  return { data: kind, paths: given };
}

/**
 * Opens the images for a tokenizer: those of an IDX file or of MNIST as they are, those of a folder cropped and resized, one piece at a
 * time, however many they are.
 *
 * @throws OptionError when an option does not go with the data, or the images not with the tokenizer; DataError for damaged data.
 */
export async function openImages(
  where: string,
  options: SourceOptions,
  { config }: ImageTokenizer,
  warn: (message: string) => void = () => undefined,
): Promise<ImageSource> {
  const { part, imageSize, fit, names } = options;
  const { data, paths } = sourceOf(where, options);
  const { channels, widths } = config;
  const { read } = imageKind(data);
  if (read === undefined) {
    refuse(where, 'part', part, `data '${data}'`, 'Point dataPath at the folder of that part.');
    const size = pictureSize(imageSize, config, warn);
    requireDivisible(where, size, widths.length);
    requirePictureChannels(where, channels);
    const listed = names === undefined ? await listPaths(where, paths) : await named(paths, names);
    return pictureSource(listed, sidesOf(size), channels, fit);
  }
  const own = `data '${data}', which have their own size`;
  refuse(where, 'imageSize', imageSize, own, 'Leave it out.');
  refuse(where, 'fit', fit, own, 'Leave it out.');
  const images = await readPart(where, read, paths[0], part);
  warnOfSize([images.height, images.width], config, warn);
  for (const size of [images.height, images.width]) requireDivisible(where, size, widths.length);
  if (images.channels !== channels) {
    throw new OptionError(
      where,
      'data',
      `have the ${channels} channels of the tokenizer`,
      images.channels,
      'Pass other images, or a tokenizer that was trained on such.',
    );
  }
  return {
    ...sizeOf(images),
    count: images.count,
    skipped: [],
    read: async (from, to) => ({
      images: images.subset(Int32Array.from({ length: to - from }, (_, i) => from + i)),
      skipped: [],
    }),
  };
}

/** The size that pictures are made to: that of the images in training, where nobody wants another. */
function pictureSize(
  wanted: ImageSize | undefined,
  config: ImageTokenizer['config'],
  warn: (message: string) => void,
): ImageSize {
  const { imageSize } = config;
  if (wanted !== undefined) {
    warnOfSize(sidesOf(wanted), config, warn);
    return wanted;
  }
  if (imageSize === undefined) {
    warn(
      `The tokenizer's file does not say which size it was trained on: pictures are resized to ${DEFAULT_FOLDER_SIZE} × ${DEFAULT_FOLDER_SIZE} pixels. Pass imageSize for another.`,
    );
    return DEFAULT_FOLDER_SIZE;
  }
  return sizeOption(imageSize);
}

/** A tokenizer takes images of any size, but knows the scale of those that it was trained on. */
function warnOfSize(
  [height, width]: readonly [number, number],
  { imageSize }: ImageTokenizer['config'],
  warn: (message: string) => void,
): void {
  if (imageSize === undefined || (imageSize[0] === height && imageSize[1] === width)) return;
  warn(
    `The tokenizer was trained on images of ${imageSize.join(' × ')} pixels, got ${height} × ${width}: it takes them, but reconstructs best what has the scale of its training.`,
  );
}

interface NamedPictures extends PictureList {
  /** What the names of the pictures are relative to. */
  readonly base: string;
}

/** The pictures of a command line: files, and all in folders. */
async function listPaths(where: string, paths: readonly string[]): Promise<NamedPictures> {
  const files: string[] = [];
  const others: SkippedImage[] = [];
  for (const path of paths) {
    const found = (await isRegularFile(path)) ? { files: [path], others: [] } : await listPictures(where, path);
    for (const file of found.files) files.push(file);
    others.push(...found.others);
  }
  return { base: await baseOf(paths), files, others };
}

async function named(paths: readonly string[], names: readonly string[]): Promise<NamedPictures> {
  const base = await baseOf(paths);
  return { base, files: names.map((name) => join(base, name)), others: [] };
}

/** The folder that all the paths are in, or are. */
export async function baseOf(paths: readonly string[]): Promise<string> {
  const bases: string[] = [];
  for (const path of paths) bases.push(resolve((await isRegularFile(path)) ? dirname(path) : path));
  return bases.reduce(commonFolder);
}

export function nameIn(base: string, file: string): string {
  return relative(base, resolve(file)).split(sep).join('/');
}

/**
 * The names of the pictures of a command line in the order in which {@link openImages} reads them, some at a time, however many they are.
 *
 * @throws OptionError for a path that is not there.
 * @example
 * for await (const names of nameImages('encode', ['.'])) console.log(names.length);
 */
export async function* nameImages(where: string, paths: readonly string[]): AsyncGenerator<string[]> {
  const base = await baseOf(paths);
  for (const path of paths) {
    if (await isRegularFile(path)) yield [nameIn(base, path)];
    else {
      for await (const files of walkPictures(where, path)) yield files.map((file) => nameIn(base, file));
    }
  }
}

function commonFolder(a: string, b: string): string {
  const inside = (folder: string): boolean =>
    b === folder || b.startsWith(folder.endsWith(sep) ? folder : folder + sep);
  let folder = a;
  while (!inside(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

function pictureSource(
  { base, files, others }: NamedPictures,
  [height, width]: readonly [number, number],
  channels: number,
  fit: Fit | undefined,
): ImageSource {
  const pixels = height * width * channels;
  return {
    count: files.length,
    skipped: others,
    height,
    width,
    channels,
    async read(from, to, signal) {
      const { decoded, skipped } = await decodePictures(files.slice(from, to), [height, width], channels, signal, fit);
      const bytes = new Uint8Array(decoded.length * pixels);
      decoded.forEach((picture, i) => {
        bytes.set(picture.pixels, i * pixels);
      });
      return {
        images: createImages(bytes, [decoded.length, height, width, channels]),
        names: decoded.map(({ file }) => nameIn(base, file)),
        skipped,
      };
    },
  };
}

async function readPart(
  where: string,
  read: (path: string) => Promise<ImageParts>,
  path: string | undefined,
  part: PartName = 'train',
): Promise<Images> {
  const isFile = path !== undefined && !(await isFolder(path));
  if (isFile && part === 'test') refuse(where, 'part', part, 'one file', 'Pass the file of that part.');
  const { [part]: images } = await read(path ?? '');
  if (images !== undefined) return images;
  throw new OptionError(
    where,
    'part',
    'be one that the data have',
    phrase(`'${part}'`),
    "Use 'train', or pass one file.",
  );
}

function sizeOf({ height, width, channels }: Images): Pick<Images, 'height' | 'width' | 'channels'> {
  return { height, width, channels };
}

function refuse(where: string, option: string, value: unknown, instead: string, fix: string): void {
  if (value === undefined) return;
  throw new OptionError(where, option, `not be given with ${instead}`, value, fix);
}
