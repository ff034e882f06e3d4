import { phrase, UnsupportedError } from '@vqkit/core-tensor/errors';

/** Native TensorFlow could not be installed: why, and what to do about it. */
export class InstallError extends UnsupportedError {
  override name = 'InstallError';

  /** @param got in words. */
  constructor(argument: string, rule: string, got: string, fix: string) {
    super('installNative', argument, rule, phrase(got), fix);
  }
}

/** An error of the file system in words; every other error unchanged. */
export function inWords(error: unknown, doing: string): unknown {
  const { code, path } = error as NodeJS.ErrnoException;
  if (error instanceof InstallError || code === undefined) return error;
  const where = path === undefined ? '' : ` (${path})`;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const rule = `have space while ${doing}`;
    return new InstallError('the cache folder', rule, `${code}${where}`, 'Free some, or pass another --cache folder.');
  }
  if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(code)) {
    return new InstallError(
      'the cache folder',
      `be writable while ${doing}`,
      `${code}${where}`,
      'Pass a folder of your own with --cache, or set VQKIT_NATIVE_CACHE.',
    );
  }
  return error;
}

export function firstLines(text: string, count: number): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(0, count)
    .join(' | ')
    .slice(0, 400);
}
