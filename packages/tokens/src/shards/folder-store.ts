import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withFileErrors, writeFileAtomic } from '@vqkit/checkpoint/node';
import type { ShardStore } from './store.ts';

/**
 * Shards in a folder, which is made when the first file is written. Files appear whole, by a rename, on NFS too.
 * @example
 * const store = folderStore('ids');
 * await store.write('hello.txt', 'hello');
 * (await store.read('hello.txt'))?.length; // 5
 */
export function folderStore(path: string): ShardStore {
  const ifThere = <T>(file: string, work: Promise<T>): Promise<T | undefined> =>
    withFileErrors(
      'folderStore',
      join(path, file),
      'be a readable file',
      work.catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        return undefined;
      }),
    );
  return {
    name: path,
    read: (file) => ifThere(file, readFile(join(path, file))),
    readRange: (file, begin, end) => ifThere(file, readPart(join(path, file), begin, end)),
    async write(file, content) {
      await withFileErrors('folderStore', path, 'be a folder', mkdir(path, { recursive: true }));
      await writeFileAtomic(join(path, file), content);
    },
  };
}

async function readPart(path: string, begin: number, end: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - begin));
    await file.read(bytes, 0, bytes.length, begin);
    return bytes;
  } finally {
    await file.close();
  }
}
