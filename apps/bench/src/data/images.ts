import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, phrase } from '@vqkit/core-tensor';
import type { Images } from '@vqkit/data';
import { loadDataset } from '@vqkit/data/node';
import { createConfig, type ImageOptions } from '@vqkit/train';
import type { ExperimentContext } from '../experiment.ts';
import { once } from '../once.ts';
import { fashionFolder } from './fashion.ts';
import { type Data, type Source, storedVectors, unread } from './source.ts';

/** Data that may not be on this machine. */
export interface SourceOrReason {
  readonly name: string;
  /** Undefined: not measured, for the reason given. */
  readonly open: (() => Promise<Source>) | undefined;
  readonly reason: string;
}

/** Such data as a part of an experiment: what stands in the result is their name, or why there are none. */
export async function dataOrReason(
  { part, log }: Pick<ExperimentContext, 'part' | 'log'>,
  { name, open: read, reason }: SourceOrReason,
): Promise<Data | { readonly reason: string }> {
  const open = once(async () => {
    if (read !== undefined) return read();
    throw new DataError('bench', name, 'be there', phrase(reason), 'Install it, or leave it out.');
  });
  const found = await part(`data: ${name}`, { found: read !== undefined }, async () =>
    read === undefined ? { name, reason } : { name: (await open()).name, reason: null },
  );
  if (found.reason === null) return unread(found.name, undefined, open);
  log(`${name} is not measured: ${found.reason}.`);
  return { reason: found.reason };
}

const PATCH = 7;
/** Of pixels in [-1, 1]. */
const RANGE = 2;
const TRAIN_IMAGES = 6000;
const TEST_IMAGES = 1000;
/** Where Debian's package lomiri-wallpapers puts its photographs. */
const DEBIAN_PHOTOS = '/usr/share/backgrounds';
const PHOTO_PATCHES = 100_000;

/**
 * MNIST as patches of 7 × 7 pixels in [-1, 1], 16 tokens an image, from its first 6,000 images to train and the first 1,000 of its test
 * set: the tokens of a picture tokenizer without the cost of its convolutions.
 */
export const mnistPatches: Data = unread('MNIST, 7 × 7 patches', RANGE, () =>
  patches('MNIST, 7 × 7 patches', { data: 'mnist' }),
);

/** The same of Fashion-MNIST. */
export function fashionPatches(dataDir: string | undefined): SourceOrReason {
  const name = 'Fashion-MNIST, 7 × 7 patches';
  const found = fashionFolder(dataDir);
  if (found === undefined) {
    const reason =
      'train-images-idx3-ubyte.gz is not there: apt-get install dataset-fashion-mnist, or --data with its folder';
    return { name, open: undefined, reason };
  }
  return { name, open: () => patches(name, { data: 'idx', dataPath: found }), reason: '' };
}

/**
 * Patches of the PNG and JPEG pictures below `<dataDir>/images`, `dataDir` or of Debian's package lomiri-wallpapers (photographs), in
 * grey: the centre square of each, scaled so that all together have some 100,000 patches. A tenth of the pictures is held out.
 */
export async function photoPatches(dataDir: string | undefined): Promise<SourceOrReason> {
  const name = 'photographs, 7 × 7 patches';
  const folders = [...(dataDir === undefined ? [] : [join(dataDir, 'images'), dataDir]), DEBIAN_PHOTOS];
  for (const folder of folders) {
    const count = await countPictures(folder);
    if (count < 2) continue;
    const open = async (): Promise<Source> => {
      const imageSize = PATCH * patchesAcross(count);
      const found = await patches(name, { data: 'folder', dataPath: folder, imageSize, channels: 1 });
      // The name stands for the data where a finished part of an experiment is looked up.
      return { ...found, name: `${name} (${count} pictures, ${found.test.length / found.dim} test tokens)` };
    };
    return { name, open, reason: '' };
  }
  const reason =
    'no two pictures are there: apt-get install lomiri-wallpapers, or --data with a folder of PNG or JPEG images';
  return { name, open: undefined, reason };
}

/** Between 8 and 64, a multiple of 4, because the data set is also made for encoders that halve a picture twice. */
function patchesAcross(pictures: number): number {
  return Math.min(64, Math.max(8, 4 * Math.ceil(Math.sqrt(PHOTO_PATCHES / pictures) / 4)));
}

async function countPictures(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile() && /\.(png|jpe?g)$/i.test(entry.name)).length;
}

async function patches(name: string, data: ImageOptions): Promise<Source> {
  const { train, test } = await loadDataset(createConfig({ ...data, validationSize: 0 }));
  return storedVectors({
    name,
    dim: PATCH * PATCH,
    range: RANGE,
    train: cut(train, TRAIN_IMAGES),
    test: cut(test, TEST_IMAGES),
  });
}

/** The first images as patches, one after the other. */
function cut(images: Images, most: number): Float32Array {
  const { height, width } = images;
  const count = Math.min(most, images.count);
  const pixels = images.batch(Int32Array.from({ length: count }, (_, i) => i));
  const [down, across] = [Math.floor(height / PATCH), Math.floor(width / PATCH)];
  const out = new Float32Array(count * down * across * PATCH * PATCH);
  let at = 0;
  for (let image = 0; image < count; image++) {
    for (let patch = 0; patch < down * across; patch++) {
      const top = Math.floor(patch / across) * PATCH;
      const left = (patch % across) * PATCH;
      for (let row = 0; row < PATCH; row++, at += PATCH) {
        const from = (image * height + top + row) * width + left;
        out.set(pixels.subarray(from, from + PATCH), at);
      }
    }
  }
  return out;
}
