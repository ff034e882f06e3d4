import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where Debian's package dataset-fashion-mnist puts its files. */
const DEBIAN = '/usr/share/datasets/fashion-mnist';

/** Where Fashion-MNIST is looked for: `<dataDir>/fashion-mnist`, `dataDir` itself, Debian's package. */
export function fashionFolders(dataDir: string | undefined): readonly string[] {
  return [...(dataDir === undefined ? [] : [join(dataDir, 'fashion-mnist'), dataDir]), DEBIAN];
}

/** The first of those folders that has it. */
export function fashionFolder(dataDir: string | undefined): string | undefined {
  return fashionFolders(dataDir).find((folder) => existsSync(join(folder, 'train-images-idx3-ubyte.gz')));
}
