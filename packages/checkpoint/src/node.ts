import { createHash, randomBytes } from 'node:crypto';
import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { show } from '@vqkit/core-tensor/errors';
import type { SafeTensor } from './dtypes.ts';
import { CheckpointError } from './errors.ts';
import { parseJson } from './json.ts';
import { decodeSafetensors, encodeSafetensors, type SafeFile } from './safetensors.ts';

/** What an interrupted {@link writeFileAtomic} may leave behind: `.name.1f2e3d4c5b6a.partial`. */
const PARTIAL = /^\..+\.[0-9a-f]{12}\.partial$/;

/**
 * Writes a whole file or nothing: into a temporary file of the same folder, flushed to the disk, then renamed over the target. A
 * process killed at any moment leaves the old file or the new one, never a part (and at most a `.partial` file, see
 * {@link removePartialFiles}).
 *
 * @throws CheckpointError when the file cannot be written; the target is untouched and the temporary file removed.
 * @example
 * await writeFileAtomic('run/config.json', JSON.stringify(config));
 */
export async function writeFileAtomic(path: string, content: Uint8Array | string): Promise<void> {
  const folder = dirname(path);
  const partial = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}.partial`);
  try {
    const file = await open(partial, 'wx');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
    await syncFolder(folder);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw failure('writeFileAtomic', path, 'be written', error);
  }
}

/** Removes what interrupted writes left in a folder. Call it when no other process writes there; gives the names removed. */
export async function removePartialFiles(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => PARTIAL.test(name));
  for (const name of names) await rm(join(folder, name), { force: true });
  return names;
}

/** The note that asks {@link writeSafetensors} for a checksum and holds it afterwards, whatever was given. */
export const CHECKSUM = 'vqkit.sha256';

/**
 * Writes a safetensors file atomically. See {@link encodeSafetensors} and {@link writeFileAtomic}.
 *
 * @param metadata with the note {@link CHECKSUM} the file carries the SHA-256 of its tensors and of its other notes, which
 * {@link readSafetensors} checks: one flipped bit is found.
 * @example
 * await writeSafetensors('step-100.safetensors', tensors, { step: '100', [CHECKSUM]: '' });
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, SafeTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const notes = Object.hasOwn(metadata, CHECKSUM) ? { ...metadata, [CHECKSUM]: checksum(tensors, metadata) } : metadata;
  await writeFileAtomic(path, encodeSafetensors(tensors, notes));
}

/**
 * Reads a safetensors file. See {@link decodeSafetensors}.
 * @throws CheckpointError when there is no such file, it is damaged, or its checksum is another's, naming the path.
 */
export async function readSafetensors(path: string): Promise<SafeFile> {
  const file = decodeSafetensors(await readBytes(path), path);
  const { [CHECKSUM]: expected } = file.metadata;
  if (expected === undefined) return file;
  const actual = checksum(file.tensors, file.metadata);
  if (expected === actual) return file;
  throw new CheckpointError(
    `readSafetensors: ${path} must have the content of its checksum ${show(expected)}, got that of ${show(actual)}. The file is damaged; use another copy.`,
  );
}

/** Of what a file says, not of its bytes: whoever writes the same again has the same sum. */
function checksum(tensors: SafeFile['tensors'], metadata: SafeFile['metadata']): string {
  const { [CHECKSUM]: _, ...notes } = metadata;
  return createHash('sha256').update(encodeSafetensors(tensors, notes)).digest('hex');
}

/**
 * Reads a whole file.
 * @throws CheckpointError when there is no such file, naming the path.
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw failure('readBytes', path, 'be a readable file', error);
  }
}

/**
 * Reads a JSON file, see {@link parseJson}.
 *
 * @param failure makes the error from the rule that is broken and what was found.
 * @throws what `failure` gives.
 * @example
 * const config = await readJson('config.json', (rule, found) => new OptionError(`config.json must be ${rule}, got ${found}. Write it again.`));
 */
export async function readJson(path: string, failure: (rule: string, found: string) => Error): Promise<unknown> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw failure('a readable file', error.message);
  });
  return parseJson(bytes, failure);
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

function failure(where: string, path: string, rule: string, error: unknown): CheckpointError {
  const { message } = error as Error;
  return new CheckpointError(
    `${where}: ${path} must ${rule}, got ${message}. Check the path, its rights and the space left.`,
    {
      cause: error,
    },
  );
}
