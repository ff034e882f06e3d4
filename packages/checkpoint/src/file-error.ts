import { phrase } from '@vqkit/core-tensor/errors';
import { CheckpointError } from './errors.ts';

/** What an error of the file system means, and what to do about it. */
const WORDS: Readonly<Record<string, readonly [meaning: string, fix: string]>> = {
  EACCES: ['no right to it', 'Change its rights and those of its folder, or use a place of your own.'],
  EBUSY: ['in use', 'Close what uses it.'],
  EDQUOT: ['your share of the disk is used up', 'Free some space, or use another disk.'],
  EFBIG: ['larger than files may be here', 'Raise the limit (ulimit -f), or use another disk.'],
  EIO: ['the disk or the terminal behind it fails', 'Use another disk.'],
  EISDIR: ['a folder', 'Name a file, not a folder.'],
  ELOOP: ['links that lead in a circle', 'Delete the links.'],
  EMFILE: ['too many open files', 'Raise the limit (ulimit -n).'],
  ENAMETOOLONG: ['a name that is too long', 'Shorten it.'],
  ENFILE: ['too many open files on this machine', 'Close some.'],
  ENOENT: ['no such file or folder', 'Check the path; the folder of a file must be there.'],
  ENOSPC: ['no space left on the disk', 'Free some, or use another disk.'],
  ENOTDIR: ['a file where a folder should be', 'Check the path.'],
  EPERM: ['not allowed', 'Change its rights and those of its folder, or use a place of your own.'],
  EPIPE: ['the reader has closed the pipe', 'Write into a file.'],
  EROFS: ['a disk that can only be read', 'Use another disk.'],
};

/**
 * An error of the file system that names the function, the path, the rule and the fix. Any other error as it is.
 *
 * @param rule what the path must be or do, without "must".
 * @example
 * await readdir(folder).catch((error: unknown) => Promise.reject(fileError('train', folder, 'be a folder', error)));
 */
export function fileError(where: string, path: string, rule: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) return error;
  const [meaning, fix] = WORDS[code] ?? [(error as Error).message, 'Check the path, its rights and the space left.'];
  return new CheckpointError(where, path, rule, phrase(`${code} (${meaning})`, code), fix, { cause: error });
}

/**
 * What the file system gives, or a {@link fileError}.
 * @example
 * const names = await withFileErrors('train', folder, 'be a folder', readdir(folder));
 */
export async function withFileErrors<T>(where: string, path: string, rule: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw fileError(where, path, rule, error);
  }
}
