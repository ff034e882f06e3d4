import { OptionError } from '@vqkit/core-tensor';
import { readIdx } from './idx-parts.ts';
import type { ImageParts } from './image-parts.ts';
import { readMnist } from './mnist.ts';

/** What there is to know about a kind of images on the disk. */
interface ImageKind {
  /** How many paths it takes at most. */
  readonly mostPaths: number;
  /** Reads all images, which have one size of their own; undefined for pictures, which are resized to the size that is asked for. */
  readonly read?: (path: string) => Promise<ImageParts>;
}

/** What images there are. */
export type DataName = 'mnist' | 'idx' | 'folder';

/** The registry of kinds of images: what is added here is an option of everything that reads images. */
const IMAGE_KINDS: Readonly<Record<DataName, ImageKind>> = {
  mnist: { mostPaths: 0, read: async () => ({ ...(await readMnist()), skipped: [] }) },
  idx: { mostPaths: 1, read: readIdx },
  folder: { mostPaths: Number.POSITIVE_INFINITY },
};

export const DATA_NAMES: readonly [DataName, ...DataName[]] = Object.keys(IMAGE_KINDS) as [DataName, ...DataName[]];

export function imageKind(data: DataName): ImageKind {
  return IMAGE_KINDS[data];
}

/** Whether data of this name are images. */
export function isImageData(data: string): data is DataName {
  return Object.hasOwn(IMAGE_KINDS, data);
}

/** @throws OptionError unless a path is given to data that take one, and none to those that come along. */
export function requireDataPath(where: string, data: DataName, path: string | undefined): void {
  const needsPath = imageKind(data).mostPaths > 0;
  if (needsPath && path === undefined) {
    throw new OptionError(where, 'dataPath', `be given for data '${data}'`, undefined, 'Pass the path of the data.');
  }
  if (!needsPath && path !== undefined) {
    const rule = `not be given with data '${data}', which comes along`;
    throw new OptionError(where, 'dataPath', rule, path, 'Leave one of the two out.');
  }
}

/** Whether they are pictures, of sizes that differ. */
export function arePictures(data: DataName): boolean {
  return imageKind(data).read === undefined;
}
