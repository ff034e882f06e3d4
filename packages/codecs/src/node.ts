import { open, stat } from 'node:fs/promises';
import { CheckpointError } from '@vqkit/checkpoint';
import { withFileErrors } from '@vqkit/checkpoint/node';
import { phrase } from '@vqkit/core-tensor/errors';
import type { Source } from './read/source.ts';

export { codecJson } from './codec-json.ts';

/** Node reads less than 2 GiB at a time. */
const CHUNK_BYTES = 2 ** 30;

/**
 * The source of a file on disk, of any size. It is open only while it is read.
 *
 * @throws CheckpointError when there is no such file, naming the path.
 * @example
 * const weights = await openWeights(await fileSource('digits.safetensors'));
 */
export async function fileSource(path: string): Promise<Source> {
  const { size } = await withFileErrors('fileSource', path, 'be a readable file', stat(path));
  return {
    name: path,
    size,
    async read(begin, end) {
      return withFileErrors('fileSource', path, 'be a readable file', readRange(path, begin, end));
    },
  };
}

async function readRange(path: string, begin: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - begin);
  const file = await open(path);
  try {
    for (let at = 0; at < bytes.length; ) {
      const length = Math.min(CHUNK_BYTES, bytes.length - at);
      const { bytesRead } = await file.read(bytes, at, length, begin + at);
      if (bytesRead === 0) {
        const found = phrase(`its end at ${begin + at}`);
        throw new CheckpointError('fileSource', path, `have ${end} bytes`, found, 'Write it again.');
      }
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
  return bytes;
}
