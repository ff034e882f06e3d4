import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { withFileErrors } from '@vqkit/checkpoint/node';
import { OptionError, phrase } from '@vqkit/core-tensor';
import { readIdxImages } from './idx.ts';
import type { ImageParts } from './image-parts.ts';
import { TEST_IDX, TRAIN_IDX } from './kind.ts';
import { isFolder } from './list-pictures.ts';

/** The parts of an IDX file, or of a folder of them. */
export async function readIdx(dataPath: string): Promise<ImageParts> {
  if (!(await isFolder(dataPath))) return { train: await readIdxImages(dataPath), skipped: [] };
  const names = (
    await withFileErrors('loadDataset', dataPath, 'be a folder that can be read', readdir(dataPath))
  ).sort();
  const trainFile = onlyOne(dataPath, 'train-images-idx3-ubyte', names, TRAIN_IDX);
  if (trainFile === undefined) {
    throw new OptionError(
      'loadDataset',
      'dataPath',
      'hold train-images-idx3-ubyte (or .gz)',
      phrase(`${dataPath} with ${names.length} other files`, names),
      'Check dataPath, or pass one IDX file.',
    );
  }
  const testFile = onlyOne(dataPath, 't10k-images-idx3-ubyte', names, TEST_IDX);
  const train = await readIdxImages(join(dataPath, trainFile));
  if (testFile === undefined) return { train, skipped: [] };
  const test = await readIdxImages(join(dataPath, testFile));
  if (test.height !== train.height || test.width !== train.width) {
    throw new OptionError(
      'loadDataset',
      `the images of ${testFile}`,
      `be ${train.height} × ${train.width} as those of ${trainFile}`,
      phrase(`${test.height} × ${test.width}`, [test.height, test.width]),
      'Pass data of one size.',
    );
  }
  return { train, test, skipped: [] };
}

function onlyOne(folder: string, wanted: string, names: readonly string[], pattern: RegExp): string | undefined {
  const found = names.filter((name) => pattern.test(name));
  if (found.length > 1) {
    throw new OptionError(
      'loadDataset',
      'dataPath',
      `hold one file named like ${wanted}`,
      phrase(`${found.join(', ')} in ${folder}`, found),
      'Pass one file, or a folder with one set.',
    );
  }
  return found[0];
}
