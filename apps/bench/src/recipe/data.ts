import { join } from 'node:path';
import { loadDataset } from '@vqkit/data/node';
import { createConfig } from '@vqkit/train';
import { writeIdx } from '../idx.ts';

/** How many images a folder has of each set. */
export interface ImageCounts {
  readonly train: number;
  readonly test: number;
}

const TRAIN_IMAGES = 'train-images-idx3-ubyte';
const TEST_IMAGES = 't10k-images-idx3-ubyte';

/**
 * Writes the first images of MNIST, or of another folder of IDX files, into a folder: the same files for every program.
 * @param counts of each set; those that are there where it has fewer.
 */
export async function writeData(folder: string, counts: ImageCounts, source?: string): Promise<ImageCounts> {
  const { train, test } = await loadDataset(
    createConfig({ ...(source === undefined ? {} : { data: 'idx', dataPath: source }), validationSize: 0 }),
  );
  const written = { train: Math.min(counts.train, train.count), test: Math.min(counts.test, test.count) };
  await writeIdx(join(folder, TRAIN_IMAGES), train, written.train);
  await writeIdx(join(folder, TEST_IMAGES), test, written.test);
  return written;
}

/** The arguments by which peers/recipe.py finds them. */
export function imageArguments(folder: string): readonly string[] {
  return ['--images', join(folder, TRAIN_IMAGES), '--test-images', join(folder, TEST_IMAGES)];
}
