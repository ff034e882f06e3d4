import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, type FileHandle, lstat, open, readdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { OptionError, phrase } from '@vqkit/core-tensor/errors';
import { withFileErrors } from './file-error.ts';

/** What an interrupted {@link writeFileAtomic} may leave behind. */
const PARTIAL = /^\..+\.[0-9a-f]{12}\.partial$/;

/** What is written: at once, or in blocks. */
type Content = Uint8Array | string | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** As long whatever the name of the file is, which may have all the 255 bytes that a name can have. */
const partialName = (): string => `.vqkit.${randomBytes(6).toString('hex')}.partial`;

/**
 * Writes a whole file or nothing: into a temporary file of the same folder, flushed to the disk, then renamed over the target. A
 * process killed at any moment leaves the old file or the new one, never a part (and at most a `.partial` file, see
 * {@link removePartialFiles}).
 *
 * A file that is replaced keeps its mode and, where that is allowed, its owner. A link stays and the file behind it is written. What is no
 * file, such as /dev/stdout or a FIFO, is written into as it is.
 *
 * @param content the bytes, the text, or the bytes in blocks, each of which is written before the next is asked for.
 * @throws CheckpointError when the file cannot be written; the target is untouched and the temporary file removed. What the blocks throw.
 * @example
 * await writeFileAtomic('run/config.json', JSON.stringify(config));
 */
export async function writeFileAtomic(path: string, content: Content): Promise<void> {
  await withFileErrors('writeFileAtomic', path, 'be written', write(path, content));
}

/**
 * Throws unless {@link writeFileAtomic} can write there, before the work whose result it is to be. Leaves nothing behind.
 *
 * @param where the function that was called, for errors.
 * @param inputs files that the work reads or that must stay: none of them may be the one that is written, by whatever name or link.
 * @throws CheckpointError where it cannot; OptionError for an input.
 * @example
 * await requireWritable('export', 'digits.safetensors', ['runs/digits/checkpoints/step-300.safetensors']);
 */
export async function requireWritable(where: string, path: string, inputs: readonly string[] = []): Promise<void> {
  await withFileErrors(
    where,
    path,
    'be written',
    probeFile(path, () => requireOther(where, path, inputs)),
  );
}

/**
 * The same for a folder that files are to be written into, which may have to be made first.
 *
 * @throws CheckpointError
 */
export async function requireWritableFolder(where: string, path: string): Promise<void> {
  await withFileErrors(where, path, 'be a folder that can be written into', probeFolder(path));
}

/** Removes what interrupted writes left in a folder. Call it when no other process writes there; gives the names removed. */
export async function removePartialFiles(folder: string): Promise<string[]> {
  const remove = async (): Promise<string[]> => {
    const names = (await readdir(folder)).filter((name) => PARTIAL.test(name));
    for (const name of names) await whileOpenElsewhere(() => rm(join(folder, name), { force: true }));
    return names;
  };
  return withFileErrors('removePartialFiles', folder, 'be a folder that can be changed', remove());
}

/** Where a file is to be put, and what is there now. */
interface Target {
  readonly path: string;
  readonly there: Stats | undefined;
}

async function targetOf(path: string): Promise<Target> {
  const entry = await lstat(path).catch(nothing);
  if (entry === undefined) return { path, there: undefined };
  const there = await stat(path);
  return { path: there.isFile() && entry.isSymbolicLink() ? await realpath(path) : path, there };
}

async function write(path: string, content: Content): Promise<void> {
  const target = await targetOf(path);
  const { there } = target;
  if (there !== undefined && !there.isFile()) return writeFile(path, content);
  const folder = dirname(target.path);
  await inPartial(folder, async (partial, file) => {
    if (there !== undefined) await keepRights(file, there);
    await writeFile(file, content);
    await file.sync();
    await file.close();
    await whileOpenElsewhere(() => rename(partial, target.path));
  });
  await syncFolder(folder);
}

/** Works on a new temporary file, which is gone afterwards unless it was renamed. */
async function inPartial(folder: string, work: (partial: string, file: FileHandle) => Promise<void>): Promise<void> {
  const partial = join(folder, partialName());
  const file = await open(partial, 'wx');
  try {
    await work(partial, file);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(partial, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** How long a file is waited for, in milliseconds: 1, 2, 4, … */
const LONGEST_WAIT = 1024;

/**
 * On Windows a file cannot be replaced or deleted while another program, such as a virus scanner or a reader of the run, has it open: tried again for two seconds.
 * @param windows for tests.
 */
export async function whileOpenElsewhere<T>(
  work: () => Promise<T>,
  windows: boolean = process.platform === 'win32',
): Promise<T> {
  for (let wait = 1; ; wait *= 2) {
    try {
      return await work();
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (!windows || wait > LONGEST_WAIT || !['EPERM', 'EACCES', 'EBUSY'].includes(code)) throw error;
      await setTimeout(wait);
    }
  }
}

/** Owner first: changing it may clear bits of the mode. Only root may give a file to someone else. */
async function keepRights(file: FileHandle, { mode, uid, gid }: Stats): Promise<void> {
  const own = await file.stat();
  if (own.uid !== uid || own.gid !== gid) await file.chown(uid, gid).catch(() => undefined);
  await file.chmod(mode & 0o7777);
}

async function probeFile(path: string, check: () => Promise<void>): Promise<void> {
  const target = await targetOf(path);
  if (target.there?.isFile() || target.there?.isDirectory()) await check();
  if (target.there?.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
  if (target.there === undefined || target.there.isFile()) await probeFolder(dirname(target.path), false);
  else await access(path, constants.W_OK);
}

async function requireOther(where: string, path: string, inputs: readonly string[]): Promise<void> {
  const there = await stat(path, { bigint: true });
  for (const input of inputs) {
    // What cannot be looked at is named by whoever reads it.
    const other = await stat(input, { bigint: true }).catch(() => undefined);
    if (other?.ino !== there.ino || other.dev !== there.dev) continue;
    throw new OptionError(
      where,
      path,
      'not be what it is made of or what a run needs',
      phrase(input),
      'Write to another file.',
    );
  }
}

async function probeFolder(path: string, mayBeMade = true): Promise<void> {
  let folder = resolve(path);
  while (mayBeMade && (await lstat(folder).catch(nothing)) === undefined) folder = dirname(folder);
  await inPartial(folder, async (partial, file) => {
    await file.close();
    await rm(partial);
  });
}

function nothing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** Makes a rename survive a power cut. Windows cannot open a folder and needs no such step. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
