import { createHash } from 'node:crypto';
import { DataError, phrase } from '@vqkit/core-tensor';
import { scalePixels } from '@vqkit/tokenizer';
import { type AugmentOptions, drawParts } from './augment.ts';
import type { SkippedImage } from './decode-pictures.ts';
import type { DecodePool, PictureFrame } from './decode-pool.ts';
import type { Digest, ImageExamples } from './images.ts';
import { nameOf, type PictureFile } from './picture-file.ts';

/** Batches that are decoded while the engine works on one. */
const READ_AHEAD = 4;

/** Bytes of decoded pictures, up to a limit: the first that come stay, so that a part of the data need not be decoded again. */
export interface PixelCache {
  get(file: PictureFile): Uint8Array | undefined;
  add(file: PictureFile, pixels: Uint8Array): void;
}

export function createPixelCache(limit: number): PixelCache {
  const held = new Map<PictureFile, Uint8Array>();
  let bytes = 0;
  return {
    get: (file) => held.get(file),
    add(file, pixels) {
      if (held.has(file) || bytes + pixels.length > limit) return;
      bytes += pixels.length;
      held.set(file, pixels);
    },
  };
}

interface StreamOptions {
  readonly frame: PictureFrame;
  readonly pool: DecodePool;
  readonly cache: PixelCache;
  /** Of training pictures. */
  readonly augment?: AugmentOptions | undefined;
  /** Told once of each picture that cannot be read. */
  onSkipped(skipped: SkippedImage): void;
}

/**
 * Pictures that are decoded when they are asked for. Those that cannot be read are left out of their batch, which is then smaller, whatever the number of threads.
 *
 * @throws DataError when a whole batch cannot be read.
 */
export function streamPictures(files: readonly PictureFile[], options: StreamOptions): ImageExamples {
  const { frame, pool, cache, augment, onSkipped } = options;
  const [height, width] = frame.size;
  const { channels } = frame;
  const length = height * width * channels;
  const unreadable = new Set<PictureFile>();
  const read = async (wanted: readonly PictureFile[]): Promise<Float32Array> => {
    const found = new Map<PictureFile, Uint8Array>();
    const missing = wanted.filter((file) => {
      const held = cache.get(file);
      if (held !== undefined) found.set(file, held);
      return held === undefined && !unreadable.has(file);
    });
    const { decoded, skipped } = missing.length === 0 ? { decoded: [], skipped: [] } : await pool.decode(missing);
    const byName = new Map(missing.map((file) => [nameOf(file), file]));
    for (const { file, pixels } of decoded) {
      const at = byName.get(file) as PictureFile;
      found.set(at, pixels);
      cache.add(at, pixels);
    }
    for (const each of skipped) {
      const at = byName.get(each.file);
      if (at === undefined || unreadable.has(at)) continue;
      unreadable.add(at);
      onSkipped(each);
    }
    const readable = wanted.flatMap((file) => found.get(file) ?? []);
    const values = new Float32Array(readable.length * length);
    readable.forEach((pixels, i) => {
      scalePixels(pixels, values.subarray(i * length));
    });
    return values;
  };
  const size = augment?.size ?? frame.size;
  return {
    count: files.length,
    height: size[0],
    width: size[1],
    channels,
    shape: [...size, channels],
    readAhead: READ_AHEAD,
    async batch(positions, draw) {
      const wanted = Array.from(positions, (position) => files[position] as PictureFile);
      const values = await read(wanted);
      if (values.length === 0 && wanted.length > 0) {
        const rule = 'hold at least one picture that can be read';
        const [first = ''] = wanted;
        const seen = phrase(`${wanted.length} that cannot, the first ${nameOf(first)}`, wanted.length);
        throw new DataError('train', 'a batch', rule, seen, 'Mend the pictures, or take them out.');
      }
      return augment === undefined ? values : drawParts(values, [height, width, channels], augment, draw);
    },
    digest(hash: Digest) {
      for (const file of files) hash.update(Buffer.from(`${nameOf(file)}\n`));
    },
  };
}

/** The names of all files, as a SHA-256. */
export function digestOfFiles(parts: readonly ImageExamples[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    hash.update(`${part.count} of ${part.shape}\n`);
    part.digest(hash);
  }
  return hash.digest('hex');
}
