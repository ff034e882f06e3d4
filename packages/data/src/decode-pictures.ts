import { constants } from 'node:fs';
import { lstat, open, stat } from 'node:fs/promises';
import { DataError, OptionError, phrase } from '@vqkit/core-tensor';
import sharp, { type Metadata } from 'sharp';
import { type ImageSize, sidesOf } from './divisible.ts';
import { letSignalsIn } from './let-signals-in.ts';
import { nameOf, type PictureFile, readMember } from './picture-file.ts';

/** Pictures decoded at the same time at most; sharp itself uses several threads per picture. */
const PARALLEL = 16;
/** Most pixels of a picture: 16,383 × 16,383. */
const MAX_PIXELS = 0x3fff ** 2;
/** Rows of a picture that are held while it is shrunk, as measured; of a low one four times its height. */
const HELD_ROWS = 1024;
/** Most bytes that pictures being decoded may hold in memory, all together. */
const MAX_HELD_BYTES = 2 ** 28;

/** A file, or several of a folder, that could not be read as an image, and why. */
export interface SkippedImage {
  readonly file: string;
  readonly reason: string;
  /** Files that it stands for. Default 1. */
  readonly count?: number;
  /** The error of the file system that kept it from being read, such as EIO: another try, or another machine, may read it. */
  readonly code?: string;
}

/** How many files were skipped. */
export function countSkipped(skipped: readonly SkippedImage[]): number {
  return skipped.reduce((total, { count = 1 }) => total + count, 0);
}

/** Throws when nothing was decoded. */
export function requireReadable(
  where: string,
  source: string,
  decoded: number,
  skipped: readonly SkippedImage[],
): void {
  if (decoded > 0) return;
  const [first] = skipped;
  const seen =
    first === undefined ? 'none' : `${countSkipped(skipped)} unreadable, the first ${first.file}: ${first.reason}`;
  const rule = 'hold at least one readable PNG or JPEG';
  throw new DataError(where, source, rule, phrase(seen), 'Point dataPath at a folder of images.');
}

/** How a picture of another shape gets into a size: cut at two sides, or whole between two black borders. */
export const FITS = ['crop', 'pad'] as const;
export type Fit = (typeof FITS)[number];

/** A picture's bytes, channels last. */
export interface DecodedPicture {
  readonly file: string;
  readonly pixels: Uint8Array;
}

/**
 * Decodes PNG and JPEG, told by content: upright by their EXIF tag, resized to the size and there cropped at the centre, or
 * with `fit: 'pad'` whole between two black borders; transparent parts are black. What cannot be decoded is named in `skipped`.
 * The first call blocks the other loaders of sharp in this process; `sharp.unblock` brings them back.
 *
 * @throws Interrupted when the signal is aborted.
 */
export const decodePictures: typeof decodeUnblocked = (...given) => {
  blockOtherLoaders();
  return decodeUnblocked(...given);
};

let othersAreBlocked = false;

/**
 * Leaves sharp the loaders of PNG and JPEG alone. libvips holds that for all threads of the process, and for a moment no loader is left: so it is done
 * once, before any thread decodes.
 */
export function blockOtherLoaders(): void {
  if (othersAreBlocked) return;
  othersAreBlocked = true;
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: ['VipsForeignLoadJpeg', 'VipsForeignLoadPng'] });
}

/** {@link decodePictures} in a thread of a process whose other loaders are blocked. */
export async function decodeUnblocked(
  files: readonly PictureFile[],
  size: ImageSize,
  channels: number,
  signal?: AbortSignal,
  fit: Fit = 'crop',
): Promise<{ decoded: DecodedPicture[]; skipped: SkippedImage[] }> {
  const results: (DecodedPicture | SkippedImage)[] = [];
  const memory = createBudget(MAX_HELD_BYTES);
  const frame = { sides: sidesOf(size), channels, fit };
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < files.length; i = next++) {
      await letSignalsIn(signal);
      const picture = files[i] as PictureFile;
      const file = nameOf(picture);
      results[i] = await decode(picture, frame, memory).then(
        (pixels) => ({ file, pixels }),
        async (error: unknown) => ({ file, reason: firstLine(error), ...(await outerCause(file, error)) }),
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, files.length) }, worker));
  return {
    decoded: results.filter((result) => 'pixels' in result),
    skipped: results.filter((result) => 'reason' in result),
  };
}

/** What pictures are made to. */
interface Frame {
  readonly sides: readonly [height: number, width: number];
  readonly channels: number;
  readonly fit: Fit;
}

async function decode(picture: PictureFile, { sides, channels, fit }: Frame, memory: Budget): Promise<Uint8Array> {
  const [height, width] = sides;
  const file = typeof picture === 'string' ? picture : await readMember(picture);
  await requirePicture(file);
  const metadata = await sharp(file, { limitInputPixels: MAX_PIXELS }).metadata();
  const held = heldBytes(metadata);
  if (held > MAX_HELD_BYTES) {
    const [what, fix] = metadata.isProgressive
      ? ['progressive and too large: its pixels', 'shrink it, or save it without interlacing']
      : ['too wide: its rows', 'cut it, or shrink it'];
    throw new Error(
      `${what} take ${megabytes(held)} MB while it is decoded, more than ${megabytes(MAX_HELD_BYTES)} MB; ${fix}`,
    );
  }
  await memory.take(held);
  try {
    const { data, info } = await sharp(file, { limitInputPixels: MAX_PIXELS })
      .autoOrient()
      .resize(width, height, { fit: fit === 'pad' ? 'contain' : 'cover', position: 'centre' })
      .flatten()
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw()
      .toBuffer({ resolveWithObject: true })
      // The words of libvips may be those of another picture, decoded at the same time.
      .catch(() => Promise.reject(new Error('damaged or cut short')));
    if (info.channels !== channels) throw new Error(`decoded to ${info.channels} channels instead of ${channels}`);
    return data;
  } finally {
    memory.give(held);
  }
}

/** What failed is no property of the picture, unless it is a link that leads nowhere. */
export async function outerCause(file: string, error: unknown): Promise<{ code?: string }> {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) return {};
  const isDeadLink = code === 'ENOENT' && (await lstat(file).catch(() => undefined))?.isSymbolicLink() === true;
  return isDeadLink ? {} : { code };
}

/** Beginnings of files that are often named as what they are not. */
const CONTENTS: readonly (readonly [begin: RegExp, format: string])[] = [
  [/^\x89PNG\r\n/, 'PNG'],
  [/^\xff\xd8\xff/, 'JPEG'],
  [/^RIFF....WEBP/s, 'WebP'],
  [/^GIF8/, 'GIF'],
  [/^....ftyp/s, 'HEIC or AVIF'],
  [/^(II\*\0|MM\0\*)/, 'TIFF'],
  [/^BM/, 'BMP'],
  [/^\s*<(\?xml|svg|!--)/, 'SVG'],
];

async function requirePicture(file: string | Buffer): Promise<void> {
  if (typeof file !== 'string') {
    requireContent(file.toString('latin1', 0, 16));
    return;
  }
  if (!(await stat(file)).isFile()) throw new Error('no regular file');
  // A FIFO would wait for its other end.
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(16), 0, 16, 0);
    if (bytesRead === 0) throw new Error('an empty file');
    requireContent(buffer.toString('latin1', 0, bytesRead));
  } finally {
    await handle.close();
  }
}

function requireContent(begin: string): void {
  const format = CONTENTS.find(([pattern]) => pattern.test(begin))?.[1];
  if (format === 'PNG' || format === 'JPEG') return;
  throw new Error(`by its content no PNG or JPEG, but ${format ?? 'something else'}`);
}

/** What decoding holds: rows of most pictures, the whole of a progressive one. */
function heldBytes({ width, height, channels, depth, format, isProgressive, chromaSubsampling }: Metadata): number {
  const row = width * channels * (depth === 'ushort' ? 2 : 1);
  if (isProgressive !== true) return row * Math.min(HELD_ROWS, 4 * height);
  if (format === 'jpeg') return width * height * (chromaSubsampling === '4:2:0' ? 3 : 2 * channels);
  return row * height;
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}

interface Budget {
  /** Waits, in turn, until so much is free. */
  take(amount: number): Promise<void>;
  give(amount: number): void;
}

function createBudget(total: number): Budget {
  let free = total;
  const waiting: { amount: number; go: () => void }[] = [];
  const serve = (): void => {
    for (let first = waiting[0]; first !== undefined && first.amount <= free; first = waiting[0]) {
      free -= first.amount;
      waiting.shift();
      first.go();
    }
  };
  return {
    take: (amount) =>
      new Promise((go) => {
        waiting.push({ amount, go });
        serve();
      }),
    give(amount) {
      free += amount;
      serve();
    },
  };
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}

/** @throws OptionError for a tokenizer of images that no picture file holds. */
export function requirePictureChannels(where: string, channels: number): asserts channels is 1 | 3 {
  if (channels !== 1 && channels !== 3) {
    throw new OptionError(where, 'the tokenizer of pictures', 'have 1 or 3 channels', channels, 'Use another.');
  }
}
