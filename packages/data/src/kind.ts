import { readdirSync, type Stats, statSync } from 'node:fs';
import { PICTURE, PICTURE_OR_TAR, SOUNDS } from './list-pictures.ts';

export const TRAIN_IDX: RegExp = /train-images[.-]idx3-ubyte(\.gz)?$/;
export const TEST_IDX: RegExp = /(t10k|test)-images[.-]idx3-ubyte(\.gz)?$/;

/** What a path holds, by its names: files in MNIST's format, or pictures. A path with nothing there counts as a folder of pictures. */
export function kindOfData(path: string): 'idx' | 'folder' {
  const entry = entryAt(path);
  if (entry === undefined) return 'folder';
  if (entry.isFile()) return PICTURE_OR_TAR.test(path) ? 'folder' : 'idx';
  return namesIn(path).some((name) => TRAIN_IDX.test(name) || TEST_IDX.test(name)) ? 'idx' : 'folder';
}

/** Whether a path is a recording by its name, or a folder with more recordings than pictures by theirs. */
export function holdsSounds(path: string): boolean {
  const entry = entryAt(path);
  if (entry?.isFile() === true) return SOUNDS.wanted.test(path);
  const names = entry === undefined ? [] : namesIn(path);
  const count = (pattern: RegExp): number => names.filter((name) => pattern.test(name)).length;
  return count(SOUNDS.wanted) > count(PICTURE);
}

/** undefined where nothing can be found out either: whoever opens it says why. */
function entryAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Whoever opens it says why it cannot be read.
    return [];
  }
}
