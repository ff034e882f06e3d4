import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of this package, with a slash at its end; the same from the sources and from the built files. */
export const PACKAGE_FOLDER: string = findPackage(dirname(fileURLToPath(import.meta.url)));

/** The root of the workspace, with a slash at its end. */
export const ROOT: string = join(PACKAGE_FOLDER, '../../');

/** Where full results are kept, under version control. */
export const RESULTS: string = join(PACKAGE_FOLDER, 'results');

/** Where the pages with the answers are. */
export const ANSWERS: string = join(ROOT, 'docs/answers');

function findPackage(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? join(folder, '/') : findPackage(dirname(folder));
}
