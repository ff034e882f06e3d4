import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { InstallError } from './error.ts';

/** The TensorFlow library on disk: headers of its C interface, and the shared libraries under the names they are loaded by. */
export interface Library {
  /** Holds tensorflow/c/c_api.h. */
  readonly include: string;
  readonly files: readonly { readonly name: string; readonly path: string }[];
}

/** `libtensorflow.so.2` of the C library, `libtensorflow_cc.so.2` of the Python package, and their framework; .2.dylib on macOS. */
const NAMES = [
  /^libtensorflow(_cc)?(\.so(\.\d+)?|(\.\d+)?\.dylib)$/,
  /^libtensorflow_framework(\.so(\.\d+)?|(\.\d+)?\.dylib)$/,
];

/** Finds headers and libraries in a folder laid out as the C library's archive, as the Python package, or as its site-packages. */
export function findLibrary(folder: string): Library {
  for (const root of [folder, join(folder, 'tensorflow'), join(folder, 'deps')]) {
    const include = join(root, 'include');
    if (!existsSync(join(include, 'tensorflow', 'c', 'c_api.h'))) continue;
    for (const libraries of [join(root, 'lib'), root]) {
      const files = filesIn(libraries);
      if (files !== undefined) return { include, files };
    }
    throw new InstallError(
      root,
      'hold libtensorflow',
      'its headers only',
      'It needs lib/libtensorflow.so.2 and lib/libtensorflow_framework.so.2 beside include.',
    );
  }
  throw new InstallError(
    folder,
    'hold libtensorflow with include/tensorflow/c/c_api.h',
    'none',
    'Name a folder with include and lib, an archive of one, or a wheel of tensorflow-cpu.',
  );
}

function filesIn(folder: string): Library['files'] | undefined {
  if (!existsSync(folder)) return undefined;
  const present = readdirSync(folder);
  const files = NAMES.map((pattern) => {
    // The longest name is the one with the number that programs load it by.
    const [name] = present.filter((file) => pattern.test(file)).sort((a, b) => b.length - a.length);
    return name === undefined ? undefined : { name, path: join(folder, name) };
  });
  return files[0] === undefined ? undefined : files.filter((file) => file !== undefined);
}

/** Puts the libraries into a folder: the same file under a second name where the disk allows, else a copy. */
export function placeLibraries({ files }: Library, into: string): void {
  mkdirSync(into, { recursive: true });
  for (const { name, path } of files) {
    const [from, to] = [realpathSync(path), join(into, name)];
    try {
      linkSync(from, to);
    } catch {
      copyFileSync(from, to);
    }
  }
}
