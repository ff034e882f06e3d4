import { decodePictures, type Fit, requireReadable, type SkippedImage } from './decode-pictures.ts';
import { type ImageSize, sidesOf } from './divisible.ts';
import { createImages, type Images } from './images.ts';
import { listPictures } from './list-pictures.ts';

/**
 * Reads every PNG and JPEG below a folder, in the order of their paths, see {@link listPictures} and {@link decodePictures}. A file that
 * cannot be decoded is left out and named.
 *
 * @throws OptionError when there is no such folder; DataError when no image in it can be read; Interrupted when the signal is aborted.
 */
export async function readImageFolder(
  folder: string,
  size: ImageSize,
  channels: number,
  signal?: AbortSignal,
  fit?: Fit,
): Promise<{ images: Images; files: string[]; skipped: SkippedImage[] }> {
  const where = 'readImageFolder';
  const { files, others } = await listPictures(where, folder);
  const { skipped: broken, ...found } = await readImageFiles(files, size, channels, signal, fit);
  const skipped = [...broken, ...others];
  requireReadable(where, folder, found.files.length, skipped);
  return { ...found, skipped };
}

/** The same of files: those that can be decoded, in their order. */
export async function readImageFiles(
  wanted: readonly string[],
  size: ImageSize,
  channels: number,
  signal?: AbortSignal,
  fit?: Fit,
): Promise<{ images: Images; files: string[]; skipped: SkippedImage[] }> {
  const { decoded, skipped } = await decodePictures(wanted, size, channels, signal, fit);
  const [height, width] = sidesOf(size);
  const length = height * width * channels;
  const pixels = new Uint8Array(decoded.length * length);
  decoded.forEach((image, i) => {
    pixels.set(image.pixels, i * length);
  });
  const images = createImages(pixels, [decoded.length, height, width, channels]);
  return { images, files: decoded.map(({ file }) => file), skipped };
}
