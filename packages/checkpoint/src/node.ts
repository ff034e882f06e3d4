import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { CHECKSUM, checksumOf, requireChecksum } from './checksum.ts';
import type { SafeTensor } from './dtypes.ts';
import { withFileErrors } from './file-error.ts';
import { parseJson } from './json.ts';
import { decodeSafetensors, encodeSafetensors, type SafeFile } from './safetensors.ts';
import { writeFileAtomic } from './write-file.ts';

export { CHECKSUM } from './checksum.ts';
export { fileError, withFileErrors } from './file-error.ts';
export { removePartialFiles, requireWritable, requireWritableFolder, writeFileAtomic } from './write-file.ts';

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
  const wanted = Object.hasOwn(metadata, CHECKSUM);
  const notes = wanted ? { ...metadata, [CHECKSUM]: checksumOf({ tensors, metadata }, sha256) } : metadata;
  await writeFileAtomic(path, encodeSafetensors(tensors, notes));
}

/**
 * Reads a safetensors file. See {@link decodeSafetensors}.
 * @throws CheckpointError when there is no such file, it is damaged, or its checksum is another's, naming the path.
 */
export async function readSafetensors(path: string): Promise<SafeFile> {
  const file = decodeSafetensors(await readBytes(path), path);
  requireChecksum('readSafetensors', path, file, sha256);
  return file;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Reads a whole file.
 * @throws CheckpointError when there is no such file, naming the path.
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  return withFileErrors('readBytes', path, 'be a readable file', readFile(path));
}

/**
 * Reads a JSON file, see {@link parseJson}.
 *
 * @param failure makes the error from the rule that is broken and what was found.
 * @throws what `failure` gives.
 * @example
 * const fix = 'Write it again.';
 * const failure = (rule: string, found: string) => new OptionError('app', 'config.json', `be ${rule}`, found, fix);
 * const config = await readJson('config.json', failure);
 */
export async function readJson(path: string, failure: (rule: string, found: string) => Error): Promise<unknown> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw failure('a readable file', error.message);
  });
  return parseJson(bytes, failure);
}
