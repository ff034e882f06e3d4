import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, OptionError } from '@vqkit/core-tensor';
import sharp from 'sharp';
import { createImages, type Images } from './images.ts';

/** Names of pictures. */
export const PICTURE: RegExp = /\.(png|jpe?g)$/i;
/** Files decoded at the same time; sharp itself uses several threads per image. */
const PARALLEL = 16;

/** A file that could not be read as an image, and why. */
export interface SkippedImage {
  readonly file: string;
  readonly reason: string;
}

/**
 * Reads every PNG and JPEG below a folder, in the order of their paths, see {@link decodePictures}. A file that cannot be decoded is left
 * out and named.
 *
 * @throws OptionError when there is no such folder; DataError when no image in it can be read.
 */
export async function readImageFolder(
  folder: string,
  size: number,
  channels: number,
): Promise<{ images: Images; skipped: SkippedImage[] }> {
  const where = `readImageFolder: ${folder}`;
  const files = await listPictures(where, folder);
  const { decoded, skipped } = await decodePictures(files, size, channels);
  requireReadable(where, decoded.length, skipped);
  const length = size * size * channels;
  const pixels = new Uint8Array(decoded.length * length);
  decoded.forEach((image, i) => {
    pixels.set(image.pixels, i * length);
  });
  return { images: createImages(pixels, [decoded.length, size, size, channels]), skipped };
}

/** Throws when nothing was decoded. */
export function requireReadable(where: string, decoded: number, skipped: readonly SkippedImage[]): void {
  if (decoded > 0) return;
  const [first] = skipped;
  const seen = first === undefined ? 'none' : `${skipped.length} unreadable, the first ${first.file}: ${first.reason}`;
  throw new DataError(
    `${where} must hold at least one readable PNG or JPEG, got ${seen}. Point dataPath at a folder of images.`,
  );
}

/** A picture's bytes, channels last. */
interface DecodedPicture {
  readonly file: string;
  readonly pixels: Uint8Array;
}

/**
 * Decodes pictures: upright by their EXIF tag, cropped to the centre square, resized to size × size, transparent parts black.
 * What cannot be decoded is named in `skipped`.
 */
export async function decodePictures(
  files: readonly string[],
  size: number,
  channels: number,
): Promise<{ decoded: DecodedPicture[]; skipped: SkippedImage[] }> {
  const decoded: DecodedPicture[] = [];
  const skipped: SkippedImage[] = [];
  for (let start = 0; start < files.length; start += PARALLEL) {
    const group = files.slice(start, start + PARALLEL);
    const results = await Promise.allSettled(group.map((file) => decode(file, size, channels)));
    results.forEach((result, i) => {
      const file = group[i] as string;
      if (result.status === 'fulfilled') decoded.push({ file, pixels: result.value });
      else skipped.push({ file, reason: firstLine(result.reason) });
    });
  }
  return { decoded, skipped };
}

/** Whether the path is a folder. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}

/** Whether the path is a file. */
export async function isRegularFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

/** The PNG and JPEG files below a folder, in the order of their paths. */
export async function listPictures(where: string, folder: string): Promise<string[]> {
  if (!(await isFolder(folder))) {
    throw new OptionError(`${where} must be a folder, got none there. Check dataPath, or create it and put images in.`);
  }
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && PICTURE.test(entry.name));
  return files.map((entry) => join(entry.parentPath, entry.name)).sort((a, b) => (a < b ? -1 : 1));
}

async function decode(file: string, size: number, channels: number): Promise<Uint8Array> {
  const { data, info } = await sharp(file)
    .autoOrient()
    .resize(size, size, { fit: 'cover', position: 'centre' })
    .flatten()
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== channels) throw new Error(`decoded to ${info.channels} channels instead of ${channels}`);
  return data;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}

/** @throws OptionError for a tokenizer of images that no picture file holds. */
export function requirePictureChannels(where: string, channels: number): asserts channels is 1 | 3 {
  if (channels !== 1 && channels !== 3) {
    throw new OptionError(`${where}: pictures have 1 or 3 channels, got a tokenizer of ${channels}. Use another.`);
  }
}
